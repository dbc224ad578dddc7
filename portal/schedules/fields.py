"""How a pasted list of addresses is read."""

import re
from collections.abc import Sequence

from wtforms.validators import ValidationError

from portal.errors import InvalidInput
from portal.organizations.service import normalize_email

_QUOTED_NAME = re.compile(r'"[^"\n]*"')
_NAMED_ADDRESS = re.compile(r"([^<>]*)<([^<>]*)>")


def split_recipients(text: str) -> list[str]:
    """Return the addresses of a list as people paste it.

    Commas, semicolons, spaces and line ends part them; `Ann Lee <ann@example.org>` gives its address.
    What is no address is returned too, for somebody to name it.
    """
    found: list[str] = []
    for part in re.split(r"[,;\n]+", _QUOTED_NAME.sub(" ", text)):
        rest = part
        while named := _NAMED_ADDRESS.match(rest):
            found += [word for word in named[1].split() if "@" in word]
            found.append(named[2].strip())
            rest = rest[named.end() :]
        found += rest.split()
    return found


def check_recipients(addresses: Sequence[str]) -> None:
    """Raise ValidationError naming every address that is none."""
    wrong: list[InvalidInput] = []
    names: list[str] = []
    for address in addresses:
        try:
            normalize_email(address)
        except InvalidInput as error:
            wrong.append(error)
            names.append(f"“{address[:80]}”")
    if not addresses:
        raise ValidationError("Name at least one recipient.")
    if len(wrong) == 1:
        raise ValidationError(str(wrong[0]))
    if wrong:
        raise ValidationError(f"These are not e-mail addresses: {', '.join(names)}.")
