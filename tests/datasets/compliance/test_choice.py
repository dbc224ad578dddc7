"""What can be chosen of a built-in dataset, and what can get into its SQL."""

import pytest

from portal.datasets.compliance.choice import BuiltIn, Slot
from portal.datasets.export_type import ExportType
from portal.table import ColumnType


@pytest.mark.parametrize(
    ("path", "name"),
    [("root_cause", "root_cause"), ("address.post-code", "address_post_code"), ("A.b", "a_b"), ("7", "7")],
)
def test_it_takes_paths_of_plain_names(path: str, name: str) -> None:
    assert Slot(path, "A field").name == name


@pytest.mark.parametrize(
    "path",
    [
        "",
        ".",
        "a.",
        ".a",
        "a..b",
        "a b",
        "a'b",
        'a"b',
        "a\\b",
        "a:b",
        "a%b",
        "a,b",
        "a}b",
        "a]",
        "a[0]",
        "$.a",
        "a*",
        "a;--",
        "a/*",
        "a\n",
        "a\0",
        "ä",
        "a" * 61,
        "a' OR '1'='1",
    ],
)
def test_it_takes_no_path_that_could_end_a_string(path: str) -> None:
    with pytest.raises(ValueError, match="is no path"):
        Slot(path, "A field")


def test_it_needs_a_label() -> None:
    with pytest.raises(ValueError, match="“a” needs a label"):
        Slot("a", " ")


@pytest.mark.parametrize("investigations", [-1, 11])
def test_it_has_0_to_10_investigations(investigations: int) -> None:
    with pytest.raises(ValueError, match="0 to 10"):
        BuiltIn(ExportType.FLAT_FILE, investigations)


def test_it_has_20_custom_fields_at_most() -> None:
    slots = tuple(Slot(f"field_{number}", "A field") for number in range(21))

    assert len(BuiltIn(ExportType.FLAT_FILE, slots=slots[:20]).slots) == 20
    with pytest.raises(ValueError, match="at most 20"):
        BuiltIn(ExportType.FLAT_FILE, slots=slots)


def test_no_two_custom_fields_have_a_column_of_the_same_name() -> None:
    with pytest.raises(ValueError, match=r"“a\.b” is there twice"):
        BuiltIn(ExportType.FLAT_FILE, slots=(Slot("a.b", "A field"), Slot("a_b", "Another")))


def test_it_is_kept_as_json() -> None:
    slot = Slot("address.city", "City", ColumnType.CURRENCY, "0.0", frozenset({"PII", "BOARD"}))
    built_in = BuiltIn(ExportType.CUSTOM, 0, (slot, Slot("a", "A")), overflow=False)

    assert BuiltIn.from_dict(built_in.to_dict()) == built_in
