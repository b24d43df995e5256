from charbench_html_tables import HtmlTables

from charbench import ReportContent, Table
from charbench.testing import conformance

test_html_tables_keeps_the_contract = conformance(HtmlTables)


def test_nothing_in_a_cell_is_markup() -> None:
    table = Table("Results", ("Checkpoint",), (("<b>pirate</b>",),))
    text = "".join(HtmlTables().report(ReportContent(lambda: [table], tuple, dict)))
    assert "<td>&lt;b&gt;pirate&lt;/b&gt;</td>" in text
