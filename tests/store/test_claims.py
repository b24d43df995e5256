"""What sources say of checkpoints is kept as it was said, however much it is."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from charbench.domain.checkpoint import Evidence
from charbench.store.database import Database
from charbench.store.findings import Claim, Facts, add_claims, read_claims
from support.store import store_of, url_of


def test_a_thousand_claims_take_no_more_statements_than_three_and_a_repeated_one_replaces_what_it_said(
    tmp_path: Path,
) -> None:
    (tmp_path / ".charbench").mkdir()
    database = Database.open(url_of(store_of(tmp_path)))
    sent: list[str] = []
    sa.event.listen(database.engine, "before_cursor_execute", lambda *said: sent.append(said[2]))

    def keep(claims: list[Claim]) -> int:
        sent.clear()
        with database.write() as connection:
            add_claims(connection, claims)
        return sum(not text.startswith(("BEGIN", "PRAGMA")) for text in sent)

    few = [Claim(uri, Evidence("logs", "a.log", 1)) for uri in ("z", "a", "m")]
    again = [
        Claim("z", Evidence("registry", "r.json"), Facts(persona="π rate")),
        Claim("z", few[0].evidence, Facts(name="new")),
    ]
    many = [Claim(f"uri-{number // 2}", Evidence("logs", "b.log", number)) for number in range(1000)]
    assert keep(few) == keep([*again, *many])
    with database.read() as connection:
        kept = read_claims(connection)
    assert list(kept)[:4] == ["z", "a", "m", "uri-0"]
    assert kept["z"] == [again[1], again[0]]
    assert [claim for uri in kept for claim in kept[uri] if uri.startswith("uri-")] == [
        Claim(one.uri, Evidence("logs", "b.log", one.evidence.line or None)) for one in many
    ]
    database.close()
