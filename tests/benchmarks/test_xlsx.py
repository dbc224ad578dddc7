from tests.benchmarks.printed import names_printed


def test_it_measures_and_verifies_every_writer() -> None:
    assert names_printed("xlsx.py", figures=7) == [
        "xlsx-50-fast/openpyxl",
        "xlsx-50-fast/xlsxwriter",
        "xlsx-50-fast/rustpy",
        "xlsx-50-small/openpyxl",
        "xlsx-50-small/xlsxwriter",
        "xlsx-50-small/rustpy",
    ]
