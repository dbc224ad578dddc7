from tests.benchmarks.printed import names_printed


def test_it_measures_and_verifies_both() -> None:
    assert names_printed("pdf.py", figures=7) == ["pdf-50/xhtml2pdf"]
