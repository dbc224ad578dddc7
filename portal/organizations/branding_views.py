"""The page on which an admin gives the organization its logo and colour, and the logo itself."""

from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response, current_app, flash, redirect, render_template, request, url_for
from werkzeug.exceptions import RequestEntityTooLarge

from portal.clock import utcnow
from portal.errors import InvalidInput, NotFound
from portal.extensions import db
from portal.organizations import branding
from portal.organizations.colours import darkened, parse_colour
from portal.organizations.forms import ColourForm, LogoForm
from portal.organizations.logos import TOO_LARGE
from portal.permissions import Permission
from portal.web import actor, error_page, is_signed_in, remote_ip, requires

blueprint = Blueprint("branding", __name__)


@blueprint.get("/organization/branding")
@requires(Permission.MANAGE_ORGANIZATION)
def show() -> str:
    """Show the look of the organization's reports, and the forms that change it."""
    return _page()


@blueprint.post("/organization/branding")
@requires(Permission.MANAGE_ORGANIZATION)
def save_colour() -> Any:
    """Choose a colour."""
    form = ColourForm()  # type: ignore[no-untyped-call]
    if not form.validate_on_submit():  # type: ignore[no-untyped-call]
        return _page(colour_form=form)
    colour = form.chosen()
    branding.set_colour(actor(), actor().organization, colour, now=utcnow(), ip=remote_ip())
    db.session.commit()
    flash(f"The colour is {colour} now." if colour else "The colour is the portal's own again.", "success")
    return redirect(url_for(".show"))


@blueprint.post("/organization/branding/logo")
@requires(Permission.MANAGE_ORGANIZATION)
def save_logo() -> Any:
    """Take a logo."""
    db.session.rollback()  # decoding takes a while, and nobody else's writing may wait for it
    form = LogoForm()  # type: ignore[no-untyped-call]
    if not form.validate_on_submit() or form.picture is None:  # type: ignore[no-untyped-call]
        return _page(logo_form=form)
    branding.set_logo(actor(), actor().organization, form.picture, now=utcnow(), ip=remote_ip())
    db.session.commit()
    flash("The logo is saved.", "success")
    return redirect(url_for(".show"))


@blueprint.post("/organization/branding/logo/remove")
@requires(Permission.MANAGE_ORGANIZATION)
def remove_logo() -> Any:
    """Show no logo any more."""
    branding.remove_logo(actor(), actor().organization, now=utcnow(), ip=remote_ip())
    db.session.commit()
    flash("The logo is removed.", "success")
    return redirect(url_for(".show"))


@blueprint.get("/organization/logo.png")
@requires(Permission.VIEW_DASHBOARD)
def logo() -> Response:
    """Send the logo of the visitor's own organization; a browser keeps it by its SHA-256."""
    kept = actor().organization.branding
    if kept is None or kept.logo is None or kept.logo_sha256 is None:
        raise NotFound("There is no logo.")
    response = current_app.response_class(kept.logo, mimetype="image/png")
    response.set_etag(kept.logo_sha256)
    response.cache_control.private = True
    if request.args.get("v") == kept.logo_sha256:  # the next logo will have another address
        response.cache_control.max_age = 31_536_000
        response.cache_control.immutable = True
    else:
        response.cache_control.no_cache = True
    response.make_conditional(request)
    return response


@blueprint.errorhandler(RequestEntityTooLarge)
def say_too_large(_error: RequestEntityTooLarge) -> Any:
    """Say at the field that a file is far too large: such a request is not read, and no view ever sees it."""
    if not is_signed_in() or not actor().may(Permission.MANAGE_ORGANIZATION):
        return error_page(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    form = LogoForm(formdata=None)  # type: ignore[no-untyped-call]
    form.logo.errors = [TOO_LARGE]
    return _page(logo_form=form), HTTPStatus.REQUEST_ENTITY_TOO_LARGE


def _page(*, colour_form: ColourForm | None = None, logo_form: LogoForm | None = None) -> str:
    """Show what is kept, and the forms with what was typed and is wrong."""
    db.session.rollback()
    kept = actor().organization.branding
    if colour_form is None:
        colour_form = ColourForm(formdata=None, data={"colour": kept and kept.colour})  # type: ignore[no-untyped-call]
    return render_template(
        "organizations/branding.html",
        kept=kept,
        branding=branding.branding_of(actor().organization),
        colour_form=colour_form,
        logo_form=logo_form or LogoForm(formdata=None),  # type: ignore[no-untyped-call]
        darker=_darker(colour_form),
    )


def _darker(form: ColourForm) -> str | None:
    """Return the colour to offer instead of one that is too light."""
    if not form.colour.errors:
        return None
    try:
        return darkened(parse_colour(form.colour.data or ""))
    except InvalidInput:
        return None  # no colour at all, as the field says
