"""The blueprint of datasets' pages, to which more than one module adds."""

from flask import Blueprint

blueprint = Blueprint("datasets", __name__)
