"""What people fill in to sign in."""

from flask_wtf import FlaskForm
from wtforms import EmailField, PasswordField
from wtforms.validators import InputRequired, Length


class SignInForm(FlaskForm):
    email = EmailField("E-mail", [InputRequired("Enter your e-mail address."), Length(max=320)])
    # The limit keeps hashing cheap; no password of ours is longer.
    password = PasswordField("Password", [InputRequired("Enter your password."), Length(max=1000)])
