"""Where templates, static files and migrations lie. Knows nothing else, so that every layer may ask."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def resource_root() -> Path:
    """Return the folder holding `templates/`, `static/` and `migrations/`.

    A wheel carries them inside the package (`portal/_resources`, see force-include in pyproject.toml); in a
    checkout or an editable install they stand beside it.
    """
    packed = _PACKAGE / "_resources"
    return packed if packed.is_dir() else _PACKAGE.parent
