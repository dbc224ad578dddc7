from tests.benchmarks.printed import names_printed


def test_it_measures_and_verifies_both_databases() -> None:
    assert names_printed("end_to_end.py", figures=7) == [
        "end-to-end-50-sqlite/openpyxl",
        "end-to-end-50-postgresql/openpyxl",
    ]
