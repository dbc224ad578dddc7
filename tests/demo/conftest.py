from datetime import date
from pathlib import Path

import pytest

from portal.demo.acme import build

TODAY = date(2025, 11, 25)
CASES = 2000


@pytest.fixture(scope="session")
def acme(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of 2,000 cases, to be read only."""
    path = tmp_path_factory.mktemp("acme") / "acme.sqlite"
    build(path, "Acme Co.", CASES, seed=7, today=TODAY)
    return path
