"""What every page shares: permission guards, error pages, security headers, filters of the templates."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import wraps
from http import HTTPStatus
from typing import Any
from urllib.parse import quote
from uuid import uuid4
from zoneinfo import ZoneInfo

import structlog
from flask import Flask, Response, abort, current_app, g, render_template, request, url_for
from flask_limiter import RateLimitExceeded
from flask_login import current_user
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from portal.alerts import service as alerts
from portal.clock import utcnow
from portal.config import Settings
from portal.database import begin_deferred
from portal.errors import Forbidden, Gone, NotFound, PortalError
from portal.extensions import limiter
from portal.organizations.models import User
from portal.permissions import Permission

CONTENT_SECURITY_POLICY = (
    "default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self';"
    " frame-ancestors 'none'; object-src 'none'"
)
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

View = Callable[..., Any]


def requires(permission: Permission) -> Callable[[View], View]:
    """Declare the permission of a route. Strangers are sent to the log-in page, lesser roles get 403."""

    def declare(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            if not is_signed_in():
                return current_app.login_manager.unauthorized()  # type: ignore[attr-defined]
            if not actor().may(permission):
                abort(HTTPStatus.FORBIDDEN)
            return view(*args, **kwargs)

        guarded.permission = permission  # type: ignore[attr-defined] # read by the test of all routes
        return guarded

    return declare


def public(view: View) -> View:
    """Declare that a route needs nobody signed in."""
    view.permission = None  # type: ignore[attr-defined] # read by the test of all routes
    return view


def settings() -> Settings:
    """Return the settings of the application that serves this request."""
    found: Settings = current_app.config["PORTAL"]
    return found


def is_signed_in() -> bool:
    """Say whether somebody is signed in."""
    return bool(getattr(current_user, "is_authenticated"))  # noqa: B009 - flask-login's proxy has no types


def actor() -> User:
    """Return the person signed in; only for views behind `requires`."""
    user: User = getattr(current_user, "user")  # noqa: B009
    return user


def remote_ip() -> str | None:
    """Return the visitor's address, as far as trusted proxies tell it."""
    return request.remote_addr


def init(app: Flask) -> None:
    """Install everything on an application."""
    app.before_request(_begin_request)
    app.before_request(_refuse_nul)
    app.after_request(_add_headers)
    app.register_error_handler(HTTPException, _on_http_error)
    app.register_error_handler(CSRFError, _on_csrf_error)
    app.register_error_handler(RateLimitExceeded, _on_rate_limit)
    app.register_error_handler(PortalError, _on_portal_error)
    app.register_error_handler(Exception, _on_unexpected_error)
    app.add_template_filter(local_time)
    app.add_template_filter(ago)
    app.add_template_filter(file_size)
    app.context_processor(_template_context)


@dataclass(frozen=True)
class NavigationItem:
    """A line of the main navigation. All pages of `section`, a blueprint, belong to it.

    `count` says how much there waits for somebody.
    """

    endpoint: str
    section: str
    label: str
    icon: str
    permission: Permission | None
    count: Callable[[User], int] | None = None


NAVIGATION = (
    NavigationItem("operations.dashboard", "", "Overview", "grid-1x2", Permission.VIEW_DASHBOARD),
    NavigationItem("schedules.index", "schedules", "Schedules", "calendar2-week", Permission.VIEW_SCHEDULES),
    NavigationItem("runs.index", "runs", "Runs", "clock-history", Permission.VIEW_RUNS),
    NavigationItem("reports.index", "reports", "Reports", "file-earmark-bar-graph", Permission.VIEW_REPORTS),
    NavigationItem("datasets.index", "datasets", "Datasets", "table", Permission.VIEW_DATASETS),
    NavigationItem("sources.index", "sources", "Data sources", "database", Permission.VIEW_DATASETS),
    NavigationItem(
        "operations.failed_runs", "", "Failed runs", "exclamation-octagon", Permission.VIEW_FAILED_RUNS
    ),
    NavigationItem(
        "alerts.index", "alerts", "Alerts", "bell", Permission.VIEW_ALERTS, count=alerts.count_open
    ),
    NavigationItem("branding.show", "branding", "Logo and colour", "palette", Permission.MANAGE_ORGANIZATION),
    NavigationItem("demo.inbox", "demo", "Demo inbox", "envelope", None),
)


def refuse_odd_rows(*lists: str) -> None:
    """Refuse names of rows that no page of ours has: WTForms would stumble over their numbers."""
    row = re.compile(rf"(?:{'|'.join(lists)})-")
    numbered = re.compile(rf"(?:{'|'.join(lists)})-[0-9]{{1,4}}-\w+")
    if any(row.match(name) and not numbered.fullmatch(name) for name in request.form):
        abort(HTTPStatus.BAD_REQUEST)


def viewer() -> User | None:
    """Return the person signed in, if any."""
    return actor() if is_signed_in() else None


def navigation() -> list[dict[str, Any]]:
    """Return what the main navigation shows to this person: url, label, icon, count, whether one is there."""
    person = viewer()
    return [
        {
            "url": url_for(item.endpoint),
            "label": item.label,
            "icon": item.icon,
            "count": item.count(person) if item.count and person else 0,
            "current": item.endpoint == request.endpoint or item.section == request.blueprint,
        }
        for item in NAVIGATION
        if item.endpoint in current_app.view_functions  # the inbox is there in the demo only
        and (item.permission is None or (person is not None and person.may(item.permission)))
    ]


def _template_context() -> dict[str, Any]:
    # Functions where the answer needs the cookie: public pages never ask.
    return {"Permission": Permission, "now": utcnow(), "viewer": viewer, "navigation": navigation}


def _begin_request() -> None:
    g.request_id = uuid4().hex[:12]
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)
    begin_deferred(request.method in _SAFE_METHODS)


def _refuse_nul() -> None:
    """Refuse the one character that PostgreSQL can't hold, before any view takes it there."""
    if "\0" in request.path:
        abort(HTTPStatus.NOT_FOUND)
    for values in (request.args, request.form):
        if any("\0" in name or "\0" in value for name, value in values.items(multi=True)):
            abort(HTTPStatus.BAD_REQUEST)


def _add_headers(response: Response) -> Response:
    response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("X-Frame-Options", "DENY")
    response.headers.setdefault("Referrer-Policy", "same-origin")
    response.headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    response.headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
    if settings().public_url.startswith("https://"):
        response.headers.setdefault("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
    if request.endpoint != "static" and "Cache-Control" not in response.headers:
        response.headers["Cache-Control"] = "no-store"
    return response


_WORDS: dict[int, tuple[str, str]] = {
    400: ("This request can't be understood", "Something in it is missing or malformed."),
    403: ("Not for your role", "Ask an admin of your organization if you need this."),
    404: ("There is no such page", "It may have been moved, or it belongs to somebody else."),
    405: ("This can't be done here", "The address is right, the way of asking is not."),
    410: ("This is no longer available", "It was here, and is over."),
    413: ("That is too large", "The portal takes up to 2 MB at once. Go back and send less."),
    429: ("Too many tries", "Wait a little, then try again."),
    500: (
        "Something went wrong on our side",
        "It was recorded. Try again, or tell an admin the number below.",
    ),
    503: ("Not available right now", "Something this page needs does not answer. Try again shortly."),
}


def error_page(status: int, *, title: str | None = None, text: str | None = None) -> tuple[str, int]:
    """Render an error in plain words with the request's number and a way back."""
    words = _WORDS.get(status, _WORDS[500])
    page = render_template(
        "errors/error.html",
        status=status,
        title=title or words[0],
        text=text or words[1],
        request_id=g.get("request_id", ""),
    )
    return page, status


def _on_http_error(error: HTTPException) -> Any:
    if error.code is None or error.response is not None or error.code < 400:
        return error
    page, status = error_page(error.code)
    response = current_app.make_response((page, status))
    retry_after = error.get_response().headers.get("Retry-After")
    if retry_after:
        response.headers["Retry-After"] = retry_after
    return response


def _on_csrf_error(_error: CSRFError) -> Any:
    text = "The page was open too long or came from somewhere else. Go back, reload it and try again."
    return error_page(400, title="The form has expired", text=text)


def _on_rate_limit(_error: RateLimitExceeded) -> Any:
    limit = limiter.current_limit
    seconds = max(1, limit.reset_at - int(utcnow().timestamp())) if limit else 60
    response = current_app.make_response(
        error_page(429, text=f"Try again in {_span(timedelta(seconds=seconds))}.")
    )
    response.headers["Retry-After"] = str(seconds)
    return response


def _on_portal_error(error: PortalError) -> Any:
    if isinstance(error, NotFound):
        return error_page(404)
    if isinstance(error, Forbidden):
        return error_page(403)
    if isinstance(error, Gone):
        return error_page(410, text=str(error))
    if error.retryable:
        return error_page(503, text=str(error))
    return error_page(400, text=str(error))


def _on_unexpected_error(error: Exception) -> Any:
    current_app.logger.error("%s of %s failed", request.method, request.endpoint, exc_info=error)
    return error_page(500)


def attachment(filename: str) -> str:
    """Return the Content-Disposition of a file to save, for old and new clients (RFC 6266, appendix D)."""
    plain = filename.encode("ascii", "replace").decode().translate(_NOT_QUOTABLE)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(filename, safe='')}"


_NOT_QUOTABLE = str.maketrans(dict.fromkeys('?"\\%\r\n', "_"))


def local_time(at: datetime, zone: str = "UTC", form: str = "%-d %b %Y, %H:%M") -> str:
    """Show an instant in a zone."""
    return at.astimezone(ZoneInfo(zone)).strftime(form)


def ago(at: datetime) -> str:
    """Say how far an instant lies from now: `5 min ago`, `in 3 h`."""
    distance = at - utcnow()
    words = _span(abs(distance))
    return f"in {words}" if distance > timedelta(0) else f"{words} ago"


def file_size(size: int) -> str:
    """Show bytes in the unit a person reads: `214 KB`."""
    if size < 1000:
        return f"{size} B"
    power = 1 if size < 1_000_000 else 2 if size < 1_000_000_000 else 3
    value = size / 1000**power
    return f"{value:.{0 if value >= 10 else 1}f} {' KMG'[power]}B"


def _span(length: timedelta) -> str:
    seconds = int(length.total_seconds())
    for limit, divisor, unit in ((90, 1, "s"), (5400, 60, "min"), (129_600, 3600, "h")):
        if seconds < limit:
            return f"{round(seconds / divisor)} {unit}"
    return f"{round(seconds / 86_400)} days"
