"""The extensions, unbound. `create_app` binds them."""

from flask_bootstrap import Bootstrap5
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import LoginManager
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from flask_wtf import CSRFProtect

from portal.database import Base, to_json
from portal.mail import PortalMail
from portal.queue import BRIEFLY

db = SQLAlchemy(
    model_class=Base,
    # Errors end in logs, and their parameters are rows: password hashes, addresses, what a mail said.
    engine_options={"json_serializer": to_json, "pool_pre_ping": True, "hide_parameters": True},
    disable_autonaming=True,
)
migrate = Migrate(db=db)
mail = PortalMail()
csrf = CSRFProtect()
login = LoginManager()
# While Redis is away each process counts by itself, and every declared limit stays as it is.
limiter = Limiter(key_func=get_remote_address, in_memory_fallback_enabled=True, storage_options=dict(BRIEFLY))
bootstrap = Bootstrap5()
