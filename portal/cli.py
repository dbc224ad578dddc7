"""`portal …`: what operators and the supervisor call. Errors end in one line on stderr and exit status 2."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
from flask import Flask
from flask_migrate import upgrade
from gunicorn.app.base import BaseApplication
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError, OperationalError

from portal.app import create_app
from portal.cli_export import csv_choices, export
from portal.cli_recurrence import next_runs
from portal.clock import utcnow
from portal.config import Settings, load
from portal.datasets import service as datasets
from portal.demo import seed, supervisor
from portal.errors import InvalidInput, PortalError
from portal.exporters.options import CsvOptions
from portal.extensions import db
from portal.jobs.scheduler import PortalScheduler
from portal.jobs.worker import work_forever
from portal.logs import GunicornLogger
from portal.organizations import people
from portal.organizations import service as organizations
from portal.organizations.models import Organization
from portal.permissions import Role
from portal.queue import connect
from portal.sources import service as source_service


class Portal(click.Group):
    """Our errors are for people: one line, no traceback, exit status 2."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            message = error.format_message()
        except PortalError as error:
            message = str(error)
        except DBAPIError as error:
            message = f"The database refused: {error.orig}. Is it up, and did `portal migrate` run?"
        click.echo(f"portal: {' '.join(message.split())}", err=True)
        raise click.exceptions.Exit(2)


@click.group(cls=Portal, context_settings={"max_content_width": 110})
def main() -> None:
    """Export Portal: recurring exports, delivered on time, with proof."""


main.add_command(next_runs)
main.add_command(export)


@main.command()
def up() -> None:
    """Run everything on this machine: web, worker, scheduler and what they need."""
    settings = load()
    status = supervisor.run(settings, echo=click.echo, logins=seed.LOGINS if settings.demo else ())
    raise SystemExit(status)


@main.command()
def web() -> None:
    """Serve the pages."""
    Gunicorn(create_app()).run()  # type: ignore[no-untyped-call]


@main.command()
def worker() -> None:
    """Make and deliver exports, one at a time; start one a core."""
    app = create_app()
    work_forever(app, connect(app.config["PORTAL"]))


@main.command()
def scheduler() -> None:
    """Enqueue what is due and bring back what was lost; several may run."""
    app = create_app()
    PortalScheduler(app, connect(app.config["PORTAL"])).run_forever()


@main.command()
def migrate() -> None:
    """Bring the database's tables up to date; safe to repeat and to run twice at once."""
    settings = load()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with _application(settings):
        try:
            upgrade()
        except OperationalError as error:
            raise InvalidInput(f"The database can't be opened: {error.orig}") from None
    click.echo("The database is up to date.")


@main.command()
@click.option("--organization", required=True, help="Name of the organization; made when it is new.")
@click.option("--timezone", default="America/New_York", show_default=True, help="Of a new organization.")
@click.option("--email", required=True)
@click.option("--name", required=True)
@click.option("--operator", is_flag=True, help="May also see to organizations and the server.")
@click.password_option(envvar="PORTAL_ADMIN_PASSWORD", help="Asked for, unless PORTAL_ADMIN_PASSWORD is set.")
def create_admin(
    organization: str, timezone: str, email: str, name: str, password: str, *, operator: bool
) -> None:
    """Add an admin, and the organization if need be."""
    now = utcnow()
    with _application(load()):
        owner = db.session.scalars(
            select(Organization).where(Organization.name == organization)
        ).first() or organizations.create_organization(
            organization, organizations.slug_for(organization), timezone, now=now
        )
        user = organizations.create_user(
            owner, email=email, name=name, role=Role.ADMIN, password=password, now=now, operator=operator
        )
        db.session.commit()
        click.echo(f"{user.email} is an admin of {owner.name}.")


@main.command()
@click.argument("email")
def disable_user(email: str) -> None:
    """Shut an account: it is signed out, and its schedules pause when they next fall due."""
    with _application(load()):
        people.disable_user(people.user_by_email(email), now=utcnow())
        db.session.commit()
    click.echo(f"{email} can't sign in any more.")


@main.command()
@click.argument("email")
def enable_user(email: str) -> None:
    """Open an account again; its paused schedules wait for somebody to resume them."""
    with _application(load()):
        people.enable_user(people.user_by_email(email), now=utcnow())
        db.session.commit()
    click.echo(f"{email} can sign in.")


@main.command()
@click.argument("email")
@click.argument("role", type=click.Choice([role.value for role in Role]))
def change_role(email: str, role: str) -> None:
    """Give somebody another role: admin, manager or auditor."""
    with _application(load()):
        people.change_role(people.user_by_email(email), Role(role), now=utcnow())
        db.session.commit()
    click.echo(f"{email} is {'an' if role[0] == 'a' else 'a'} {role}.")


@main.command()
def seed_demo() -> None:
    """Fill an empty portal with the demo's organizations, schedules and past runs."""
    settings = load()
    if not settings.demo:
        raise InvalidInput("seed-demo is for the demo only; set PORTAL_DEMO=1.")
    with _application(settings) as app:
        seed.seed(settings, app.extensions["storage"], now=utcnow(), say=click.echo)


@main.command()
@click.argument("organization")
@click.argument("dataset")
@csv_choices
def csv_options(organization: str, dataset: str, **chosen: str | bool) -> None:
    """Choose how the CSV of a dataset is written, from its next run on; ORGANIZATION is a slug."""
    with _application(load()):
        found = datasets.dataset_by_name(organization, dataset)
        version = datasets.choose_csv(found, CsvOptions.from_dict(chosen), now=utcnow())
        db.session.commit()
        click.echo(f"Version {version.number} of “{found.name}” writes CSV that way.")


@main.command()
def reencrypt() -> None:
    """Encrypt the credentials of all data sources under the present secret, so that older ones can go."""
    settings = load()
    with _application(settings):
        count = source_service.reencrypt(settings)
        db.session.commit()
    click.echo(f"The credentials of {count} data source{'s' if count != 1 else ''} need no older secret now.")


@contextmanager
def _application(settings: Settings) -> Iterator[Flask]:
    """Open the application's context, and close its database on the way out."""
    app = create_app(settings)
    with app.app_context():
        try:
            yield app
        finally:
            db.session.remove()
            db.engine.dispose()


class Gunicorn(BaseApplication):
    """gunicorn over our settings, without a configuration file of its own."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        super().__init__()  # type: ignore[no-untyped-call]

    def load_config(self) -> None:
        settings = self._app.config["PORTAL"]
        for name, value in {
            "bind": f"{settings.bind}:{settings.port}",
            "workers": settings.web_workers,
            "worker_class": "gthread",
            "threads": 8,
            "preload_app": True,
            "graceful_timeout": 10,
            "timeout": 60,
            "logger_class": GunicornLogger,
            "loglevel": "warning",
            # It would be one socket for all portals of a user, in the home directory.
            "control_socket_disable": True,
        }.items():
            self.cfg.set(name, value)  # type: ignore[union-attr] # gunicorn makes it before it calls this

    def load(self) -> Flask:
        return self._app


if __name__ == "__main__":
    main()
