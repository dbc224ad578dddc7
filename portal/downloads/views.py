"""The page a recipient's link opens, and the streaming of files."""

from collections.abc import Iterator
from http import HTTPStatus
from io import BufferedReader
from typing import Any

from flask import Blueprint, Flask, Response, current_app, render_template, request

from portal.clock import utcnow
from portal.database import begin_deferred
from portal.downloads import service
from portal.downloads.models import DownloadLink
from portal.downloads.service import Visitor
from portal.errors import Gone, StorageFailed
from portal.extensions import csrf, db, limiter
from portal.organizations.models import User
from portal.permissions import Permission
from portal.runs.models import Artifact, ScheduledExportRun
from portal.storage.base import Storage
from portal.web import actor, attachment, error_page, public, remote_ip, requires, settings

CHUNK = 256 * 1024

blueprint = Blueprint("downloads", __name__)


def _was_guessed(response: Response) -> bool:
    return response.status_code == HTTPStatus.NOT_FOUND


# One budget for the page and the file: whoever guesses tokens may use either. Links that there are cost
# nothing, since all recipients of a company, and its mail scanner, may come from one address.
_against_guessing = limiter.shared_limit("60 per minute", scope="download links", deduct_when=_was_guessed)


@blueprint.get("/d/<token>")
@public
@_against_guessing
def landing(token: str) -> Any:
    """Show what a link leads to. Fetching this page, as mail scanners do, uses nothing up."""
    link = service.open_link(token, settings=settings(), now=utcnow())
    run = db.session.get_one(ScheduledExportRun, link.artifact.run_id)
    return render_template(
        "downloads/landing.html",
        artifact=link.artifact,
        link=link,
        made_for=link.recipient,
        snapshot=run.snapshot,
    )


@blueprint.post("/d/<token>")
@csrf.exempt  # type: ignore[untyped-decorator]
@public
@_against_guessing
def fetch(token: str) -> Any:
    """Send the file of a link. The token is the only authority: no cookie is read or set."""
    begin_deferred(True)  # until the file is opened; `_send` writes
    link = service.open_link(token, settings=settings(), now=utcnow())
    return _send(link.artifact, link=link)


@blueprint.get("/runs/<run_id>/file")
@requires(Permission.DOWNLOAD_FILES)
def file(run_id: str) -> Any:
    """Send the file of a run to somebody signed in."""
    return _send(service.get_artifact(actor(), run_id), user=actor())


@blueprint.errorhandler(Gone)
def _on_gone(error: Gone) -> Any:
    text = "Ask whoever sent it to you for a new link. What you downloaded before stays yours."
    return error_page(410, title=str(error), text=text)


@blueprint.after_request
def _keep_private(response: Response) -> Response:
    """A link is a secret: neither search engines, nor caches, nor the next page may learn it."""
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _send(artifact: Artifact, *, link: DownloadLink | None = None, user: User | None = None) -> Any:
    """Stream the file after its bytes were checked and the fetch is on record."""
    storage: Storage = current_app.extensions["storage"]
    try:
        content = service.open_artifact(artifact, storage)
    except StorageFailed as error:
        current_app.logger.error("file %s is withheld: %s", artifact.public_id, error)
        return error_page(
            500, title="The file is withheld", text=f"{error} Ask for the export to be made again."
        )
    db.session.rollback()  # so far nothing was locked; now something is written
    begin_deferred(False)
    visitor = Visitor(ip=remote_ip(), agent=request.user_agent.string)
    event = service.log_download(artifact, visitor, now=utcnow(), link=link, user=user)
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    response = Response(_Stream(app, content, event.id, artifact.size), mimetype=artifact.media_type)
    response.content_length = artifact.size
    response.headers["Content-Disposition"] = attachment(artifact.filename)
    db.session.commit()  # last, since reading anything after it would begin, and hold, another transaction
    return response


class _Stream:
    """The bytes of a file; closing it records how many left. A server always does (PEP 3333)."""

    def __init__(self, app: Flask, content: BufferedReader, event_id: int, size: int) -> None:
        self._app, self._content, self._event_id, self._size = app, content, event_id, size
        self._sent = 0

    def __iter__(self) -> Iterator[bytes]:
        while chunk := self._content.read(CHUNK):
            yield chunk
            self._sent += len(chunk)  # only now did the server come back for more

    def close(self) -> None:
        self._content.close()
        with self._app.app_context():  # that of the request is over by now
            begin_deferred(False)
            completed = self._sent == self._size
            service.finish_download(self._event_id, sent=self._sent, completed=completed)
            db.session.commit()
