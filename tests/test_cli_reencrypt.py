"""`portal reencrypt`: the credentials of data sources outlive the secret they were encrypted under."""

from click.testing import CliRunner, Result
from flask import Flask

from portal.cli import main
from portal.config import Settings
from portal.datasets.models import Dataset
from portal.errors import SourceUnavailable
from portal.extensions import db
from portal.sources import service as source_service
from tests.conftest import environment

NEW = "a new secret that is long enough: 9876543210"


def reencrypt(settings: Settings) -> Result:
    db.session.commit()
    return CliRunner().invoke(main, ["reencrypt"], env=environment(settings))


def test_it_frees_an_older_secret(dataset: Dataset, settings: Settings) -> None:
    before = dataset.source.url_encrypted
    rotated = settings.model_copy(update={"secret_key": NEW, "previous_secret_keys": settings.secret_key})

    done = reencrypt(rotated)

    assert done.output == "The credentials of 1 data source need no older secret now.\n"
    db.session.expire_all()
    assert dataset.source.url_encrypted != before
    without = rotated.model_copy(update={"previous_secret_keys": ""})
    assert source_service.url_of(dataset.source, without).get_backend_name() == "sqlite"


def test_it_changes_nothing_where_a_secret_is_missing(
    app: Flask, dataset: Dataset, settings: Settings
) -> None:
    before = dataset.source.url_encrypted

    done = reencrypt(settings.model_copy(update={"secret_key": NEW}))

    assert done.exit_code != 0
    assert isinstance(done.exception, SourceUnavailable | SystemExit)
    assert "PORTAL_SECRET_KEY" in (done.output + str(done.exception))
    db.session.expire_all()
    assert dataset.source.url_encrypted == before
