"""Signing in and out, and an organization's days off."""

import hashlib
from datetime import timedelta
from itertools import groupby
from typing import Any
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo

from flask import (
    Blueprint,
    Response,
    current_app,
    flash,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask_login import current_user, logout_user
from sqlalchemy import select
from werkzeug.exceptions import HTTPException

from portal.audit import service as audit
from portal.clock import utcnow
from portal.extensions import db, limiter
from portal.organizations import domains, own_days, signin
from portal.organizations.forms import DayForm, DaysForm, DomainsForm, SignInForm
from portal.organizations.models import User, UserSession
from portal.organizations.service import authenticate, end_session, start_session
from portal.permissions import Permission
from portal.schedules.service import follow_days_off, lock_schedules
from portal.web import actor, is_signed_in, public, remote_ip, requires, settings

blueprint = Blueprint("organizations", __name__)


def _address_and_visitor() -> str:
    """Key of the lock-out: one visitor can't lock another one out of an account."""
    email = request.form.get("email", "").strip().lower()
    return hashlib.sha256(f"{email}\n{remote_ip()}".encode()).hexdigest()


def _was_refused(response: Response) -> bool:
    return response.status_code != 302


@blueprint.route("/login", methods=["GET", "POST"])
@public
@limiter.limit("10 per minute", methods=["POST"])
@limiter.limit("5 per 15 minutes", key_func=_address_and_visitor, methods=["POST"], deduct_when=_was_refused)
def log_in() -> Any:
    home = url_for("operations.dashboard")
    if is_signed_in():
        return redirect(home)
    form = SignInForm()  # type: ignore[no-untyped-call]
    if request.method == "GET":
        return render_template("organizations/log_in.html", form=form, refused=False)
    if form.validate_on_submit():  # type: ignore[no-untyped-call]
        email, password = form.email.data or "", form.password.data or ""
        user = authenticate(email, password)
        if user is not None:
            _start(user)
            return redirect(_safe_next(request.args.get("next")) or home)
        _record_refusal(email)
    return render_template("organizations/log_in.html", form=form, refused=not form.errors)


@blueprint.post("/logout")
@public
def log_out() -> Any:
    if is_signed_in():
        sign_in: UserSession = getattr(current_user, "sign_in")  # noqa: B009 - flask-login's proxy has no types
        end_session(sign_in, now=utcnow())
        db.session.commit()
        logout_user()
        session.clear()
        flash("You are signed out.", "success")
    return redirect(url_for("organizations.log_in"))


@blueprint.get("/organization/days-off")
@requires(Permission.VIEW_SCHEDULES)
def days_off() -> str:
    """List the organization's own days off by year."""
    return _days_page(DayForm(), DaysForm())  # type: ignore[no-untyped-call]


@blueprint.post("/organization/days-off")
@requires(Permission.MANAGE_ORGANIZATION)
def add_day_off() -> Any:
    """Add one day."""
    form = DayForm()  # type: ignore[no-untyped-call]
    return _added(form) or _days_page(form, DaysForm(formdata=None))  # type: ignore[no-untyped-call]


@blueprint.post("/organization/days-off/several")
@requires(Permission.MANAGE_ORGANIZATION)
def add_days_off() -> Any:
    """Add a pasted list of days."""
    form = DaysForm()  # type: ignore[no-untyped-call]
    return _added(form) or _days_page(DayForm(formdata=None), form)  # type: ignore[no-untyped-call]


@blueprint.post("/organization/days-off/<day_id>/remove")
@requires(Permission.MANAGE_ORGANIZATION)
def remove_day_off(day_id: str) -> Any:
    """Make a day off a working day again."""
    now, day = utcnow(), own_days.get_day(actor(), day_id)
    lock_schedules(actor().organization)
    own_days.remove_day(actor(), day, now=now, ip=remote_ip())
    moved = len(follow_days_off(actor(), actor().organization, now=now, ip=remote_ip()))
    name, date = day.name, day.day
    db.session.commit()
    flash(f"{date:%-d %B %Y}, {name}, is a working day again. {_moved(moved)}".rstrip(), "success")
    return redirect(url_for(".days_off"))


@blueprint.route("/organization/domains", methods=["GET", "POST"])
@requires(Permission.MANAGE_ORGANIZATION)
def email_domains() -> Any:
    """Say which e-mail domains are the organization's own."""
    organization = actor().organization
    written = {"domains": "\n".join(organization.email_domains or ())}
    form = DomainsForm(data=written)  # type: ignore[no-untyped-call]
    if form.validate_on_submit():  # type: ignore[no-untyped-call]
        domains.set_domains(
            actor(), domains.parse_domains(form.domains.data or ""), now=utcnow(), ip=remote_ip()
        )
        db.session.commit()
        flash("The domains are saved. They count from each schedule's next run on.", "success")
        return redirect(url_for(".email_domains"))
    return render_template(
        "organizations/domains.html", form=form, counting=sorted(domains.domains_of(organization))
    )


def _added(form: DayForm | DaysForm) -> Any:
    """Add the days of a form and go back to the list. None where something is wrong."""
    if not form.validate_on_submit():  # type: ignore[no-untyped-call]
        return None
    now, days = utcnow(), form.days()
    lock_schedules(actor().organization)
    new = own_days.add_days(actor(), days, now=now, ip=remote_ip())
    moved = len(follow_days_off(actor(), actor().organization, now=now, ip=remote_ip())) if new else 0
    db.session.commit()
    words = (
        "No day is new." if not new else "1 day is added." if len(new) == 1 else f"{len(new)} days are added."
    )
    there = len(days) - len(new)
    known = f" {there} {'was' if there == 1 else 'were'} there already." if there else ""
    flash(f"{words}{known} {_moved(moved)}".rstrip(), "success" if new else "info")
    return redirect(url_for(".days_off"))


def _moved(schedules: int) -> str:
    if not schedules:
        return ""
    return f"{schedules} schedule{'s' if schedules != 1 else ''} will run next at another time."


def _days_page(day: DayForm, days: DaysForm) -> str:
    """Show the list and its two forms with all that was typed."""
    db.session.rollback()
    by_year = groupby(own_days.list_days(actor()), key=lambda found: found.day.year)
    today = utcnow().astimezone(ZoneInfo(actor().organization.timezone)).date()
    return render_template(
        "organizations/days_off.html",
        years=[(year, list(found)) for year, found in by_year],
        day_form=day,
        days_form=days,
        today=today,
    )


def _start(user: User) -> None:
    now = utcnow()
    lifetime = timedelta(seconds=settings().session_lifetime)
    token = start_session(user, lifetime=lifetime, ip=remote_ip(), agent=request.user_agent.string, now=now)
    db.session.commit()
    signin.sign_in(token, now=now)


def _record_refusal(email: str) -> None:
    """Note a wrong try in the trail of the organization it was aimed at, or in the system's."""
    email = email.strip().lower()[:320]  # which some letters outgrow in lower case: “İ” becomes two
    user = db.session.scalars(select(User).where(User.email == email)).first()
    audit.record(
        user.organization_id if user else None,
        actor=email,
        action="session.refuse",
        target=f"user:{user.public_id}" if user else "user:unknown",
        now=utcnow(),
        ip=remote_ip(),
    )
    db.session.commit()


def _safe_next(target: str | None) -> str | None:
    """Return where to go after signing in: a page of ours on this host, else None.

    Browsers read `\\` as `/` and drop tabs and newlines (WHATWG URL, basic URL parser), so that `/\\evil`,
    `///evil` and `/<tab>/evil` all name another host. Whatever is left must be a page one can GET.
    """
    if not target:
        return None
    plain = unquote(target)
    if not plain.startswith("/") or plain.startswith("//") or "\\" in plain:
        return None
    if any(ord(character) <= 32 or ord(character) == 127 for character in plain):
        return None
    adapter = current_app.create_url_adapter(request)
    if adapter is None:
        return None
    try:
        adapter.match(urlsplit(target).path, method="GET")
    except HTTPException:
        return None
    return target
