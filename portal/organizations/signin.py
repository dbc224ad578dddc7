"""Who is signed in: Flask-Login over sign-ins kept in the database."""

from datetime import datetime

from flask import session
from flask_login import UserMixin, login_user

from portal.clock import utcnow
from portal.extensions import login
from portal.organizations.models import User, UserSession
from portal.organizations.service import session_for


class SignedIn(UserMixin):
    """What Flask-Login calls the current user: a sign-in and the person it belongs to."""

    def __init__(self, sign_in: UserSession, token: str) -> None:
        self.sign_in = sign_in
        self.user: User = sign_in.user
        self._token = token

    def get_id(self) -> str:
        """Return the sign-in's token; Flask-Login keeps it in the signed cookie."""
        return self._token


@login.user_loader  # type: ignore[untyped-decorator]
def load(token: str) -> SignedIn | None:
    """Return the sign-in of a token as long as it is open."""
    found = session_for(token, now=utcnow())
    return SignedIn(found, token) if found else None


def sign_in(token: str, *, now: datetime) -> None:
    """Put a fresh sign-in into the cookie, dropping whatever was there, so that no old id survives."""
    found = session_for(token, now=now)
    if found is None:
        raise ValueError("the sign-in is not open")
    session.clear()
    session.permanent = True
    login_user(SignedIn(found, token))
