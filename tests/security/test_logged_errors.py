"""Errors of the database end in logs: they may name tables and columns, never what was in a row."""

import pytest
from flask import Flask
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError

from portal.extensions import db
from portal.organizations.models import User
from portal.permissions import Role
from tests import factories

HASH = "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHQ$c29tZWhhc2g"


def test_an_error_of_the_database_shows_no_value(either_app: Flask) -> None:
    acme = factories.organization("Acme Co.", "acme")
    db.session.commit()
    row = {
        "organization_id": acme.id,
        "email": "ann@acme.example",
        "name": None,
        "role": Role.ADMIN,
        "password_hash": HASH,
        "is_operator": False,
        "created_at": factories.NOW,
    }

    with pytest.raises(IntegrityError) as refused:
        db.session.execute(insert(User).values(row))
    db.session.rollback()

    assert "name" in str(refused.value), "what was wrong is still said"
    assert HASH not in str(refused.value)
    assert "ann@acme.example" not in str(refused.value)
