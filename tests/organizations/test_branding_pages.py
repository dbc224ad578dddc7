"""The page of logo and colour, and the logo that pages show."""

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from portal.extensions import db
from portal.organizations import branding
from portal.organizations.logos import read_logo
from portal.organizations.models import User
from portal.permissions import Role
from tests.conftest import sign_in
from tests.factories import NOW
from tests.organizations.pictures import opened, png, png_that_claims
from tests.schedules.pages import error_at, text_of

PAGE = "/organization/branding"
LOGO = read_logo(png(300, 100))


def send(client: FlaskClient, content: bytes, name: str = "logo.png") -> TestResponse:
    """Upload a file, encoded here: the test client never closes the files it makes of large ones."""
    head = f'--frontier\r\nContent-Disposition: form-data; name="logo"; filename="{name}"\r\n\r\n'
    return client.post(
        f"{PAGE}/logo",
        data=head.encode() + content + b"\r\n--frontier--\r\n",
        content_type="multipart/form-data; boundary=frontier",
        follow_redirects=True,
    )


def give_logo(admin: User) -> None:
    branding.set_logo(admin, admin.organization, LOGO, now=NOW)
    db.session.commit()


def test_it_shows_the_head_of_a_report(client: FlaskClient, admin: User) -> None:
    sign_in(client, admin)

    page = client.get(PAGE)

    assert "Board report Acme Co. ·" in text_of(page)
    assert 'fill="#0b6075"' in page.get_data(as_text=True)
    assert "<img" not in page.get_data(as_text=True)
    assert "Last changed by" not in text_of(page)


def test_it_takes_a_logo_and_removes_it(client: FlaskClient, admin: User) -> None:
    sign_in(client, admin)

    saved = send(client, png(1600, 480))
    assert "The logo is saved." in text_of(saved)
    assert "Last changed by admin@acme.example" in text_of(saved)
    assert saved.get_data(as_text=True).count('width="800"') == 2  # in the preview and in the navigation
    sent = client.get("/organization/logo.png")
    assert (sent.mimetype, opened(sent.data).size) == ("image/png", (800, 240))

    removed = client.post(f"{PAGE}/logo/remove", follow_redirects=True)
    assert "The logo is removed." in text_of(removed)
    assert client.get("/organization/logo.png").status_code == 404


def test_it_takes_a_colour_and_goes_back(client: FlaskClient, admin: User) -> None:
    sign_in(client, admin)

    saved = client.post(PAGE, data={"colour": "#7A3E9D"}, follow_redirects=True)
    assert "The colour is #7a3e9d now." in text_of(saved)
    assert 'fill="#7a3e9d"' in saved.get_data(as_text=True)
    assert 'value="#7a3e9d"' in saved.get_data(as_text=True)

    back = client.post(PAGE, data={"colour": " "}, follow_redirects=True)
    assert "The colour is the portal's own again." in text_of(back)
    assert 'fill="#0b6075"' in back.get_data(as_text=True)


def test_it_offers_a_darker_colour_for_one_that_is_too_light(client: FlaskClient, admin: User) -> None:
    sign_in(client, admin)

    refused = client.post(PAGE, data={"colour": "#ff8800"})

    assert "The nearest darker colour that has it is #b56000." in error_at(refused, "colour")
    page = refused.get_data(as_text=True)
    assert 'value="#ff8800"' in page
    assert '<input type="hidden" name="colour" value="#b56000">' in page
    assert "Use #b56000" in text_of(refused)


def test_it_keeps_what_is_no_colour_and_offers_none(client: FlaskClient, admin: User) -> None:
    sign_in(client, admin)

    refused = client.post(PAGE, data={"colour": 'teal"><b>'})

    assert error_at(refused, "colour") == '“teal"><b>” is not a colour such as #0b6075.'
    assert 'value="teal&#34;&gt;&lt;b&gt;"' in refused.get_data(as_text=True)
    assert "Use #" not in text_of(refused)


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "logo.svg", "SVG is not taken"),
        (b"only text", "logo.png", "neither PNG nor JPEG, whatever its name says"),
        (png()[:100], "logo.png", "damaged or cut short"),
        (png_that_claims(60_000, 60_000), "logo.png", "at most 4,000 × 4,000 pixels"),
        (b"x" * 1_000_001, "logo.png", "more than 1 MB"),
        (b"", "logo.png", "The file is empty."),
        (b"", "", "Choose a PNG or JPEG picture."),
    ],
)
def test_it_says_at_the_field_what_is_wrong_with_a_file(
    client: FlaskClient, admin: User, content: bytes, name: str, message: str
) -> None:
    give_logo(admin)
    sign_in(client, admin)

    refused = send(client, content, name)

    assert refused.status_code == 200
    assert message in error_at(refused, "logo")
    assert client.get("/organization/logo.png").data == LOGO.png


def test_it_says_at_the_field_that_a_file_is_far_too_large(client: FlaskClient, admin: User) -> None:
    sign_in(client, admin)

    refused = send(client, b"x" * 3_000_000)

    assert refused.status_code == 413
    assert error_at(refused, "logo") == "This file has more than 1 MB. Save the logo smaller, then try again."


def test_others_who_send_too_much_see_nothing_of_the_page(client: FlaskClient, manager: User) -> None:
    for _ in range(2):
        refused = send(client, b"x" * 3_000_000)
        assert refused.status_code == 413
        assert "That is too large" in text_of(refused)
        sign_in(client, manager)


@pytest.mark.parametrize("role", [Role.MANAGER, Role.AUDITOR])
def test_others_see_the_logo_and_not_the_page(
    client: FlaskClient, admin: User, manager: User, role: Role
) -> None:
    manager.role = role
    give_logo(admin)
    sign_in(client, manager)

    home = client.get("/")

    assert f'src="/organization/logo.png?v={LOGO.sha256}"' in home.get_data(as_text=True)
    assert "Logo and colour" not in text_of(home)
    assert client.get("/organization/logo.png").data == LOGO.png


def test_another_organization_never_gets_it(client: FlaskClient, admin: User, outsider: User) -> None:
    give_logo(admin)
    sign_in(client, outsider)

    assert client.get("/organization/logo.png").status_code == 404
    assert client.get(f"/organization/logo.png?v={LOGO.sha256}").status_code == 404
    unchanged = client.get("/organization/logo.png", headers={"If-None-Match": f'"{LOGO.sha256}"'})
    assert unchanged.status_code == 404


def test_a_browser_keeps_it_as_long_as_it_is_the_same(client: FlaskClient, admin: User) -> None:
    give_logo(admin)
    sign_in(client, admin)

    by_version = client.get("/organization/logo.png", query_string={"v": LOGO.sha256})
    plain = client.get("/organization/logo.png", query_string={"v": "older"})
    again = client.get("/organization/logo.png", headers={"If-None-Match": plain.headers["ETag"]})

    assert by_version.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    assert plain.headers["Cache-Control"] == "private, no-cache"
    assert plain.headers["ETag"] == f'"{LOGO.sha256}"'
    assert (again.status_code, again.data) == (304, b"")
