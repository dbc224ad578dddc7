"""Every route, from the URL map: it declares its permission, is kebab-case, and keeps strangers out (A21)."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.routing import Rule

from portal.alerts.models import Alert, Cause
from portal.alerts.service import raise_alert
from portal.app import create_app
from portal.config import Settings
from portal.demo.acme_logo import acme_logo
from portal.extensions import db
from portal.organizations.branding import set_logo
from portal.organizations.logos import read_logo
from portal.organizations.models import DayOff, User
from portal.permissions import Permission, Role, allows
from portal.reports.board import add_board_report
from portal.runs import pipeline
from portal.runs.models import ScheduledExportRun
from portal.runs.service import run_now
from portal.schedules.models import ScheduledExport
from tests.conftest import sign_in

# What only shows what belongs to nobody, and why it needs no sign-in.
PUBLIC = {
    "organizations.log_in",
    "organizations.log_out",  # ends whatever sign-in there is
    "downloads.landing",  # the token is the authority
    "downloads.fetch",
    "operations.healthz",
    "operations.readyz",
    "demo.inbox",  # stands in for people's mail programs, in the demo only
    "demo.message",
    "demo.message_html",
    "demo.attachment",
}
STATIC = {"static", "bootstrap.static"}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"demo": True, "mail_catcher": True})


@pytest.fixture
def run(app: Flask, manager: User, schedule: ScheduledExport, settings: Settings) -> ScheduledExportRun:
    """A finished run with a file, in Acme."""
    made = run_now(manager, schedule, settings=settings, now=datetime.now(UTC))
    db.session.commit()
    pipeline.execute(made.public_id, worker="worker-1", settings=settings, storage=app.extensions["storage"])
    return made


@pytest.fixture
def ids(run: ScheduledExportRun, schedule: ScheduledExport) -> dict[str, str]:
    """What Acme's addresses name, by the name of the part."""
    raise_alert(schedule, Cause.RUN_FAILED, "happened", run_id=run.public_id, now=datetime.now(UTC))
    day = DayOff(organization_id=schedule.organization_id, day=date(2026, 12, 24), name="Christmas Eve")
    db.session.add(day)
    source = schedule.dataset.source
    report = add_board_report(schedule.organization, source, actor="system", now=datetime.now(UTC))
    set_logo(None, schedule.organization, read_logo(acme_logo()), now=datetime.now(UTC))
    db.session.commit()
    return {
        "run_id": run.public_id,
        "schedule_id": schedule.public_id,
        "alert_id": db.session.scalars(select(Alert.public_id)).one(),
        "day_id": day.public_id,
        "source_id": schedule.dataset.source.public_id,
        "dataset_id": schedule.dataset.public_id,
        "report_id": report.public_id,
    }


def routes(app: Flask) -> Iterator[Rule]:
    return (rule for rule in app.url_map.iter_rules() if rule.endpoint not in STATIC)


def permission_of(app: Flask, rule: Rule) -> Permission | None:
    found: Permission | None = app.view_functions[rule.endpoint].permission  # type: ignore[attr-defined]
    return found


def requests_to(rule: Rule, ids: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yield method and path of each way to call a route, ids filled in."""
    path = re.sub(r"<(?:\w+:)?(\w+)>", lambda match: ids[match[1]], rule.rule)
    for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
        yield method, path


def test_every_route_declares_its_permission(app: Flask) -> None:
    undeclared = [
        rule.rule for rule in routes(app) if not hasattr(app.view_functions[rule.endpoint], "permission")
    ]
    assert undeclared == []


def test_only_known_routes_are_public(app: Flask) -> None:
    assert {rule.endpoint for rule in routes(app) if permission_of(app, rule) is None} == PUBLIC


def test_every_path_is_kebab_case(app: Flask) -> None:
    for rule in routes(app):
        for part in rule.rule.strip("/").split("/"):
            assert re.fullmatch(r"(|[a-z0-9]+(-[a-z0-9]+)*(\.png)?|<(int:)?[a-z_]+>)", part), rule.rule


def test_strangers_are_sent_to_sign_in(client: FlaskClient, app: Flask, ids: dict[str, str]) -> None:
    for rule in routes(app):
        if permission_of(app, rule) is not None:
            for method, path in requests_to(rule, ids):
                response = client.open(path, method=method)
                assert response.status_code == 302, (method, path)
                assert response.headers["Location"].startswith("/login"), (method, path)


@pytest.mark.parametrize("role", list(Role))
def test_each_role_is_refused_what_it_may_not(
    client: FlaskClient, app: Flask, ids: dict[str, str], role: Role, request: pytest.FixtureRequest
) -> None:
    sign_in(client, request.getfixturevalue(role.value))
    for rule in routes(app):
        permission = permission_of(app, rule)
        if permission is None:
            continue
        for method, path in requests_to(rule, ids):
            if allows(role, permission) and method != "GET":
                continue  # it would change what the next request needs
            with client.open(path, method=method) as response:
                expected = 200 if allows(role, permission) else 403
                assert response.status_code == expected, (role, method, path)


@pytest.mark.parametrize("role", list(Role))
def test_another_organization_finds_nothing(
    client: FlaskClient, app: Flask, ids: dict[str, str], outsider: User, role: Role
) -> None:
    """Real ids of Acme, asked for by each role of Globex: as if they did not exist."""
    outsider.role = role
    db.session.commit()
    sign_in(client, outsider)
    for rule in routes(app):
        permission = permission_of(app, rule)
        if permission is None or not rule.arguments:
            continue
        for method, path in requests_to(rule, ids):
            expected = 404 if allows(role, permission) else 403
            assert client.open(path, method=method).status_code == expected, (role, method, path)


def test_lists_of_another_organization_show_nothing(
    client: FlaskClient, ids: dict[str, str], outsider: User
) -> None:
    sign_in(client, outsider)
    for path in ("/", "/schedules", "/runs", "/schedules/new", "/alerts", "/sources", "/datasets"):
        page = client.get(path).get_data(as_text=True)
        assert not [public_id for public_id in ids.values() if public_id in page]
        assert "Weekly cases" not in page


@pytest.mark.parametrize(("demo", "catcher"), [(False, False), (False, True), (True, False)])
def test_only_a_demo_with_its_own_catcher_has_an_inbox(
    app: Flask, settings: Settings, demo: bool, catcher: bool
) -> None:
    made = create_app(settings.model_copy(update={"demo": demo, "mail_catcher": catcher}))

    assert not [rule for rule in routes(made) if rule.endpoint.startswith("demo.")]
    assert made.test_client().get("/inbox").status_code == 404
