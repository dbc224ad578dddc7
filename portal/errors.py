"""Everything the portal raises on purpose.

`str(error)` is a sentence for the person who can act on it; it never holds a secret. `retryable` says
whether the same work may succeed later without anybody changing anything.
"""

from typing import ClassVar


class PortalError(Exception):
    """Root of the tree. `code` is the short, stable name kept with a failed run."""

    code: ClassVar[str] = "error"
    retryable: ClassVar[bool] = False


class InvalidInput(PortalError):
    """Something a person entered can't be used. `field` names where, when there is such a place."""

    code = "invalid"

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class NotFound(PortalError):
    """No such thing, or none that this person may know of. Never says which."""

    code = "not found"


class Forbidden(PortalError):
    """The thing may be known, but not done by this person."""

    code = "forbidden"


class Gone(PortalError):
    """It was there, and is over: an expired or revoked link."""

    code = "gone"


class ConfigurationError(PortalError):
    """A setting is missing or wrong; the message names the variable."""

    code = "configuration"


class SourceUnavailable(PortalError):
    """The data source could not be reached."""

    code = "source unavailable"
    retryable = True


class SourceRefused(PortalError):
    """The portal does not read this database: it is a portal's own, or opened with too many rights."""

    code = "source refused"


class QueryFailed(PortalError):
    """The data source refused the query. `place` is where in the SQL, as line and column from 1."""

    code = "query failed"

    def __init__(self, message: str, place: tuple[int, int] | None = None) -> None:
        super().__init__(f"Line {place[0]}, column {place[1]}: {message}" if place else message)
        self.place = place


class SchemaChanged(PortalError):
    """The query gives other columns than its schedule was saved with."""

    code = "schema changed"


class NotApproved(PortalError):
    """Personal data would leave the organization, which no admin has approved."""

    code = "not approved"


class QueryTimeout(PortalError):
    """The query ran past its time limit."""

    code = "timeout"


class LimitExceeded(PortalError):
    """The result is larger than a limit allows; the message names the limit."""

    code = "limit"


class RenderFailed(PortalError):
    """The file could not be produced from the rows."""

    code = "render failed"


class StorageFailed(PortalError):
    """The file could not be stored or read back."""

    code = "storage"
    retryable = True


class StorageFull(StorageFailed):
    """No space is left where files are kept; waiting does not help, a person must."""

    code = "storage full"
    retryable = False


class LeaseLost(PortalError):
    """Another worker owns the run by now; whatever this one holds must be dropped."""

    code = "lease lost"


class RunTimeout(PortalError):
    """The run as a whole took longer than it may."""

    code = "timeout"


class RunCancelled(PortalError):
    """Somebody asked for the run to end."""

    code = "cancelled"


class RunReleased(PortalError):
    """The worker is told to end before the run is done; another one goes on with it."""

    code = "released"
