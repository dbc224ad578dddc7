"""Pages of alerts: their list, and acknowledging one."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from portal.alerts import service, wording
from portal.clock import utcnow
from portal.database import row_key
from portal.errors import InvalidInput
from portal.extensions import db
from portal.permissions import Permission
from portal.web import actor, remote_ip, requires

blueprint = Blueprint("alerts", __name__)


@blueprint.get("/alerts")
@requires(Permission.VIEW_ALERTS)
def index() -> str:
    """List the organization's alerts, newest first: those that are open, or all of them."""
    everything = request.args.get("show") == "all"
    before_id = request.args.get("before", type=row_key)
    found = service.list_alerts(actor(), only_open=not everything, before_id=before_id)
    page = found[: service.PAGE_SIZE]
    return render_template(
        "alerts/index.html",
        alerts=page,
        everything=everything,
        before_id=before_id,
        next_before=page[-1].id if len(found) > len(page) else None,
        zone=actor().organization.timezone,
        wording=wording,
        maximum_note=service.MAXIMUM_NOTE,
    )


@blueprint.post("/alerts/<alert_id>/acknowledge")
@requires(Permission.ACKNOWLEDGE_ALERTS)
def acknowledge(alert_id: str) -> Response:
    """Close an alert. A second click changes nothing and says who was first."""
    alert = service.get_alert(actor(), alert_id, Permission.ACKNOWLEDGE_ALERTS)
    note = request.form.get("note", "")
    try:
        service.acknowledge(actor(), alert, note, now=utcnow(), ip=remote_ip())
    except InvalidInput as error:
        flash(str(error), "error" if error.field else "info")
        return redirect(url_for(".index"))
    db.session.commit()
    flash("The alert is acknowledged: no mail about it goes out any more.", "success")
    return redirect(url_for(".index"))
