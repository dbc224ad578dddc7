"""The overview, the page of failed runs, and what probes ask."""

from http import HTTPStatus
from typing import Any

from flask import Blueprint, current_app, jsonify, render_template, request

from portal.alerts import service as alerts
from portal.alerts import wording
from portal.clock import utcnow
from portal.database import row_key
from portal.operations import health, service
from portal.operations.chart import chart
from portal.permissions import Permission
from portal.schedules.recurrence import tzdata_version
from portal.web import actor, public, requires, settings

blueprint = Blueprint("operations", __name__)


@blueprint.get("/")
@requires(Permission.VIEW_DASHBOARD)
def dashboard() -> Any:
    person, now = actor(), utcnow()
    month = service.days(person, now)
    attention = service.attention(person, now)
    return render_template(
        "operations/dashboard.html",
        zone=person.organization.timezone,
        day=service.last_day(person, now),
        late=service.late(person, now),
        attention=attention,
        reached=service.reached([concern.run for concern in attention]),
        next_runs=service.next_runs(person),
        chart=chart(month),
        planned=sum(day.planned for day in month),
        on_time=sum(day.on_time for day in month),
        engine=health.engine(settings()),
        cause_of=service.cause_of,
        alerts=alerts.standing(person),
        wording=wording,
        tzdata=tzdata_version(),
    )


@blueprint.get("/failed-runs")
@requires(Permission.VIEW_FAILED_RUNS)
def failed_runs() -> Any:
    before_id = request.args.get("before", type=row_key)
    causes, next_id = service.failed_runs(actor(), before_id=before_id)
    return render_template(
        "operations/failed_runs.html",
        zone=actor().organization.timezone,
        causes=causes,
        reached=service.reached([run for cause in causes for run in cause.runs]),
        before_id=before_id,
        next_id=next_id,
    )


@blueprint.get("/healthz")
@public
def healthz() -> Any:
    """Say that this process answers; it asks no other, or a probe would restart it for their faults."""
    return "ok", {"Content-Type": "text/plain; charset=utf-8"}


@blueprint.get("/readyz")
@public
def readyz() -> Any:
    checks = health.readiness(settings(), current_app.extensions["storage"])
    ready = all(checks.values())
    body = {
        "status": "ok" if ready else "unavailable",
        "checks": {name: "ok" if works else "no answer" for name, works in checks.items()},
    }
    return jsonify(body), HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE
