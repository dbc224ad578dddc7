"""How addresses are read from what people paste."""

import pytest

from portal.schedules.fields import split_recipients


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("", []),
        ("ann@example.org", ["ann@example.org"]),
        ("ann@a.org, bob@b.org;carl@c.org", ["ann@a.org", "bob@b.org", "carl@c.org"]),
        ("ann@a.org bob@b.org\r\n\tcarl@c.org", ["ann@a.org", "bob@b.org", "carl@c.org"]),
        ("Ann Lee <ann@example.org>", ["ann@example.org"]),
        ('"Lee, Ann" <ann@example.org>; Bob <bob@example.org>', ["ann@example.org", "bob@example.org"]),
        ("ann@a.org Bob Ray <bob@b.org> carl@c.org", ["ann@a.org", "bob@b.org", "carl@c.org"]),
        ("Ann <ann@example.org> Bob <bob@example.org>", ["ann@example.org", "bob@example.org"]),
        ("ann@, bob", ["ann@", "bob"]),
        ("Ann <>", [""]),
        (",;\n ,", []),
    ],
)  # fmt: skip
def test_it_reads_lists_of_addresses_as_people_paste_them(text: str, addresses: list[str]) -> None:
    assert split_recipients(text) == addresses
