"""Which e-mail domains are an organization's own."""

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from portal.audit.models import AuditEntry
from portal.errors import Forbidden, InvalidInput
from portal.extensions import db
from portal.organizations.domains import domains_of, outside, parse_domains, set_domains
from portal.organizations.models import User
from tests.conftest import sign_in
from tests.factories import NOW
from tests.schedules.pages import error_at, text_of


def test_those_set_count_and_else_those_of_people_who_may_sign_in(
    admin: User, manager: User, auditor: User
) -> None:
    auditor.email, auditor.disabled_at = "auditor@left.example", NOW
    manager.email = "manager@branch.example"
    set_domains(admin, [], now=NOW)
    assert domains_of(admin.organization) == {"acme.example", "branch.example"}

    set_domains(admin, ["ours.example"], now=NOW)

    assert domains_of(admin.organization) == {"ours.example"}
    last = db.session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
    assert last is not None
    assert (last.action, last.after) == ("organization.email_domains", {"domains": ["ours.example"]})


def test_only_admins_set_them(manager: User) -> None:
    with pytest.raises(Forbidden):
        set_domains(manager, ["elsewhere.example"], now=NOW)


@pytest.mark.parametrize(
    ("text", "domains"),
    [
        ("", []),
        (" Acme.Example\n@acme.example, b.example;c.example ", ["acme.example", "b.example", "c.example"]),
        ("münchen.example", ["xn--mnchen-3ya.example"]),
    ],
)
def test_it_reads_domains_as_people_write_them(text: str, domains: list[str]) -> None:
    assert parse_domains(text) == domains


@pytest.mark.parametrize("text", ["acme", "ann@acme.example", "a..example", "-.example", "<b>"])
def test_it_names_what_is_no_domain(text: str) -> None:
    with pytest.raises(InvalidInput, match="is not a domain") as refused:
        parse_domains(f"acme.example {text}")
    assert refused.value.field == "domains"


def test_it_takes_no_more_than_a_hundred() -> None:
    with pytest.raises(InvalidInput, match="At most 100"):
        parse_domains(" ".join(f"d{number}.example" for number in range(101)))


def test_a_subdomain_and_a_longer_name_are_outside() -> None:
    addresses = ("a@b.org", "a@x.b.org", "a@ab.org", "a@b.org.net")

    assert outside(addresses, {"b.org"}) == ("a@x.b.org", "a@ab.org", "a@b.org.net")


def test_the_page_saves_them_and_says_what_is_wrong(client: FlaskClient, admin: User) -> None:
    sign_in(client, admin)

    wrong = client.post("/organization/domains", data={"domains": "acme.example\nnonsense"})
    assert error_at(wrong, "domains") == "“nonsense” is not a domain such as acme.example."
    assert "nonsense</textarea>" in wrong.get_data(as_text=True)

    saved = client.post("/organization/domains", data={"domains": "acme.example"}, follow_redirects=True)

    assert "The domains are saved." in text_of(saved)
    db.session.expire_all()
    assert admin.organization.email_domains == ["acme.example"]
