"""create_app(): the only place where the parts are joined."""

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from portal import database, logs, web
from portal.alerts import models as alert_models
from portal.alerts import views as alert_views
from portal.audit import models as audit_models
from portal.config import Settings, load
from portal.datasets import built_in_views as export_type_views
from portal.datasets import models as dataset_models
from portal.datasets import views as dataset_views
from portal.datasets.blueprint import blueprint as datasets_blueprint
from portal.delivery import models as delivery_models
from portal.demo import views as demo_views
from portal.downloads import models as download_models
from portal.downloads import views as download_views
from portal.extensions import bootstrap, csrf, db, limiter, login, mail, migrate
from portal.operations import views as operation_views
from portal.organizations import branding_views, signin
from portal.organizations import views as organization_views
from portal.reports import models as report_models
from portal.reports import views as report_views
from portal.resources import resource_root
from portal.runs import models as run_models
from portal.runs import views as run_views
from portal.schedules import form_views as schedule_form_views
from portal.schedules import models as schedule_models
from portal.schedules import views as schedule_views
from portal.schedules.blueprint import blueprint as schedules_blueprint
from portal.sources import models as source_models
from portal.sources import views as source_views
from portal.storage.local import LocalStorage

# Alembic and the ORM know the tables of every imported model; this is where all are.
MODELS = (
    alert_models,
    audit_models,
    dataset_models,
    delivery_models,
    download_models,
    report_models,
    run_models,
    schedule_models,
    signin,
    source_models,
)

# Modules that add their routes to a blueprint of several.
ROUTES = (dataset_views, export_type_views, schedule_form_views, schedule_views)

BLUEPRINTS = (
    organization_views.blueprint,
    operation_views.blueprint,
    schedules_blueprint,
    run_views.blueprint,
    report_views.blueprint,
    datasets_blueprint,
    source_views.blueprint,
    alert_views.blueprint,
    download_views.blueprint,
    branding_views.blueprint,
)


def create_app(settings: Settings | None = None) -> Flask:
    """Build the application. Raises ConfigurationError when a setting is missing or wrong."""
    settings = settings or load()
    root = resource_root()
    app = Flask("portal", template_folder=str(root / "templates"), static_folder=str(root / "static"))
    app.config.from_mapping(settings.flask_config())
    logs.configure()
    web.init(app)  # first, so that what extensions do before a request is logged with its number
    _bind_extensions(app, str(root / "migrations"))
    app.extensions["storage"] = LocalStorage(settings.files_dir)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    if settings.shows_inbox:
        app.register_blueprint(demo_views.blueprint)
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        # Never X-Forwarded-Host: a proxy that sets Host hands on whatever a visitor put into the other one.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops)  # type: ignore[method-assign]
    return app


def _bind_extensions(app: Flask, migrations: str) -> None:
    db.init_app(app)
    with app.app_context():
        database.configure(db.engine, idle_limit=app.config["PORTAL"].lease_seconds)
    migrate.init_app(app, directory=migrations)
    mail.init_app(app)
    csrf.init_app(app)
    login.init_app(app, add_context_processor=False)  # ours asks for the person only where a page needs one
    login.login_view = "organizations.log_in"
    login.login_message = ""
    login.session_protection = ""  # it compares addresses, which change on the move; sign-ins can be ended
    limiter.init_app(app)
    bootstrap.init_app(app)
