from tests.benchmarks.printed import names_printed


def test_it_measures_and_verifies_every_writer() -> None:
    assert names_printed("csv_json.py", figures=8) == [
        "csv-50/csv.writer",
        "csv-50/polars",
        "csv-50/pyarrow",
        "json-50/json.dumps",
        "json-50/orjson",
        "ndjson-50/json.dumps",
        "ndjson-50/orjson",
    ]
