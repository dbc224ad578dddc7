"""The demo's inbox: stands in for the mail programs of all recipients. Registered in the demo only."""

import re
from typing import Any

from flask import Blueprint, Response, render_template

from portal.demo import mailbox
from portal.web import attachment as as_attachment
from portal.web import public, settings, viewer

LIST_LENGTH = 200
# What a mail may do when shown: wear its own styles, and open links in a tab of their own. No script, no
# request to anybody, no form. The sandbox gives it an origin of its own, away from the portal's cookies.
MAIL_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"
)
_HEAD = re.compile(r"<head[^>]*>", re.IGNORECASE)
_IN_A_NEW_TAB = '<base target="_blank">'

blueprint = Blueprint("demo", __name__)


@blueprint.get("/inbox")
@public
def inbox() -> Any:
    found = mailbox.messages(settings().mailbox_dir, LIST_LENGTH)
    return render_template("demo/inbox.html", messages=found, zone=_zone(), limit=LIST_LENGTH)


@blueprint.get("/inbox/<message_id>")
@public
def message(message_id: str) -> Any:
    mail = mailbox.read(settings().mailbox_dir, message_id)
    return render_template("demo/message.html", mail=mail, zone=_zone())


@blueprint.get("/inbox/<message_id>/html")
@public
def message_html(message_id: str) -> Response:
    """Return the mail's own page, for the frame in which it is shown."""
    html = mailbox.read(settings().mailbox_dir, message_id).html
    head = _HEAD.search(html)
    at = head.end() if head else 0
    response = Response(html[:at] + _IN_A_NEW_TAB + html[at:], mimetype="text/html")
    response.headers["Content-Security-Policy"] = MAIL_POLICY
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


@blueprint.get("/inbox/<message_id>/attachments/<int:number>")
@public
def attachment(message_id: str, number: int) -> Response:
    found, content = mailbox.attachment(settings().mailbox_dir, message_id, number)
    response = Response(content, mimetype=found.media_type)
    response.headers["Content-Disposition"] = as_attachment(found.filename)
    return response


def _zone() -> str:
    person = viewer()
    return person.organization.timezone if person else "UTC"
