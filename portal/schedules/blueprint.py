"""The blueprint of schedules' pages, to which more than one module adds."""

from flask import Blueprint

blueprint = Blueprint("schedules", __name__)
