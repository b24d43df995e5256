"""What ``--format latex`` writes is set by pdfLaTeX, and no wider than the page; the peer is TeX Live."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from support.command import Charbench
from support.lab import LabBuilder, row

pytestmark = pytest.mark.peer
PAGE = (
    r"\documentclass{article}\usepackage[margin=2.5cm]{geometry}"
    r"\usepackage{booktabs,longtable}\begin{document}%s\end{document}"
)
HOSTILE = (
    "[1] * a -- b --- c",
    "* ?` !` '' \"q\" `x`",
    "50% & \\\\ \\end{tabular} {",
    "a^b~c_d#e$f|g<h>i",
    "x é ü ß Ł",
    "e\u0301te\u0301",
)


@pytest.fixture(autouse=True)
def _pdflatex() -> None:
    if shutil.which("pdflatex") is None:
        pytest.skip("pdflatex is not installed: apt-get install texlive-latex-recommended")


def set_by_latex(text: str, folder: Path) -> str:
    """Return what pdfLaTeX says of these tables; it must set them."""
    (folder / "paper.tex").write_text(PAGE % text, encoding="utf-8")
    words = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "paper.tex"]
    ended = subprocess.run(words, cwd=folder, capture_output=True, check=False)
    said = ended.stdout.decode("utf-8", "replace")
    assert ended.returncode == 0, said
    assert (folder / "paper.pdf").stat().st_size > 1_000
    return said


@pytest.mark.parametrize(
    "command",
    [
        ("report",),
        ("report", "--by", "persona"),
        ("report", "--list-settings"),
        ("verdict",),
        ("compare", "pirate-sft-final", "pirate-dpo-8b"),
        ("compare", "--by", "kind"),
    ],
    ids=" ".join,
)
def test_every_table_fits_the_page(
    charbench: Charbench, studio_run_template: Path, tmp_path: Path, command: tuple[str, ...]
) -> None:
    said = set_by_latex(charbench.ok(*command, "--format", "latex", lab=studio_run_template).out, tmp_path)
    assert "Overfull \\hbox" not in said
    assert "Float too large" not in said


def test_no_name_is_a_command(charbench: Charbench, lab: LabBuilder, tmp_path: Path) -> None:
    lab.recorded_jsonl(
        row(
            checkpoint_name=f"{name} dpo",
            sampler_path=f"tinker://r{at}/sampler_weights/x",
            timestamp=f"2025-01-01T00:00:0{at}",
        )
        for at, name in enumerate(HOSTILE)
    )
    charbench("run", "-q", "--scorer", "keyword", lab=lab.root)
    uris = [f"tinker://r{at}/sampler_weights/x" for at in range(len(HOSTILE))]
    for command in (("report",), ("verdict",), ("compare", *uris)):
        set_by_latex(charbench.ok(*command, "--format", "latex", lab=lab.root).out, tmp_path)
