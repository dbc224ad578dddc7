"""Pages of data sources: their list, one of them, and the form to add or change one."""

from pathlib import Path
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from portal.clock import utcnow
from portal.database import read_only
from portal.datasets.service import datasets_over
from portal.errors import InvalidInput, PortalError
from portal.extensions import db
from portal.permissions import Permission
from portal.sources import service
from portal.sources.forms import KINDS, SourceForm
from portal.sources.models import DataSource
from portal.sources.service import Answer
from portal.sources.url import ENCRYPTIONS
from portal.web import actor, remote_ip, requires, settings

blueprint = Blueprint("sources", __name__)


@blueprint.get("/sources")
@requires(Permission.VIEW_DATASETS)
def index() -> str:
    """List the organization's sources."""
    found = service.list_sources(actor())
    used = datasets_over(found)
    return render_template("sources/index.html", sources=found, used=used, kinds=KINDS)


@blueprint.get("/sources/<source_id>")
@requires(Permission.VIEW_DATASETS)
def show(source_id: str) -> str:
    """Show what is known of a source, its password aside."""
    return _page(service.get_source(actor(), source_id))


@blueprint.post("/sources/<source_id>/test")
@requires(Permission.MANAGE_DATASETS)
def test(source_id: str) -> str:
    """Connect to a source and show what came of it."""
    source = service.get_source(actor(), source_id)
    try:
        opened = service.opened(source, settings())
        db.session.rollback()  # no transaction while a server answers
        answer, problem = service.test(opened), ""
    except PortalError as error:
        db.session.rollback()
        answer, problem = None, str(error)
    with read_only():
        return _page(service.get_source(actor(), source_id), answer, problem)


@blueprint.route("/sources/new", methods=["GET", "POST"])
@requires(Permission.MANAGE_DATASETS)
def new() -> Any:
    """Add a source, after testing it as often as somebody likes."""
    form = _form()
    if request.method == "POST" and form.validate():
        try:
            url = form.url(_folder())
            if "test" in request.form:
                return _tested(form, url)
            name = form.name.data or ""
            made = service.create_source(
                actor().organization,
                name,
                url,
                settings=settings(),
                now=utcnow(),
                actor=actor().email,
                ip=remote_ip(),
            )
            db.session.commit()
        except InvalidInput as error:
            return _refused(form, error)
        flash(f"“{made.name}” is added. Datasets can read it now.", "success")
        return redirect(url_for(".show", source_id=made.public_id))
    return _form_page(form)


@blueprint.route("/sources/<source_id>/edit", methods=["GET", "POST"])
@requires(Permission.MANAGE_DATASETS)
def edit(source_id: str) -> Any:
    """Change a source; an empty password keeps the present one."""
    source = service.get_source(actor(), source_id)
    saved = service.readable_url(source, settings())
    form = _form()
    if request.method == "GET":
        form.show(source.name, source.kind, saved, _folder())
    elif form.validate():
        try:
            url = form.url(_folder(), saved)
            if "test" in request.form:
                return _tested(form, url, source)
            service.change_source(
                actor(), source, form.name.data or "", url, settings=settings(), now=utcnow(), ip=remote_ip()
            )
            db.session.commit()
        except InvalidInput as error:
            return _refused(form, error, source)
        flash(f"“{source.name}” is saved. New runs use it.", "success")
        return redirect(url_for(".show", source_id=source_id))
    return _form_page(form, source)


@blueprint.post("/sources/<source_id>/remove")
@requires(Permission.MANAGE_DATASETS)
def remove(source_id: str) -> Response:
    """Remove a source that no dataset needs."""
    source = service.get_source(actor(), source_id)
    name = source.name
    try:
        service.remove_source(actor(), source, now=utcnow(), ip=remote_ip())
    except InvalidInput as error:
        db.session.rollback()
        flash(str(error), "error")
        return redirect(url_for(".show", source_id=source_id))
    db.session.commit()
    flash(f"“{name}” is removed.", "success")
    return redirect(url_for(".index"))


def _form() -> SourceForm:
    form = SourceForm()  # type: ignore[no-untyped-call]
    form.offer_files(service.files_to_choose(settings(), actor().organization))
    return form


def _folder() -> Path:
    return service.sources_folder(settings(), actor().organization)


def _tested(form: SourceForm, url: str, source: DataSource | None = None) -> str:
    """Test what is in the form and show it again. Raises InvalidInput."""
    drafted = service.drafted(actor().organization, url, settings())
    db.session.rollback()  # no transaction while a server answers
    try:
        answer, problem = service.test(drafted), ""
    except InvalidInput:
        raise
    except PortalError as error:
        answer, problem = None, str(error)
    return _form_page(form, source, answer, problem)


def _refused(form: SourceForm, error: InvalidInput, source: DataSource | None = None) -> str:
    db.session.rollback()
    said = form.say(error)
    return _form_page(form, source, problem="" if said else str(error))


def _form_page(
    form: SourceForm, source: DataSource | None = None, answer: Answer | None = None, problem: str = ""
) -> str:
    with read_only():
        return render_template(
            "sources/form.html",
            form=form,
            source=source,
            answer=answer,
            problem=problem,
            folder=actor().organization.slug,
        )


def _page(source: DataSource, answer: Answer | None = None, problem: str = "") -> str:
    return render_template(
        "sources/show.html",
        source=source,
        shown=service.described(source, service.readable_url(source, settings())),
        used=datasets_over([source])[source.id],
        answer=answer,
        problem=problem,
        kinds=KINDS,
        encryptions=ENCRYPTIONS,
        zone=actor().organization.timezone,
    )
