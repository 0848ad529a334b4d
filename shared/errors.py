"""The few errors that cross a port: what went wrong, for whom, and whether waiting helps.

Adapters turn library errors into these with ``raise ... from``. All of them pickle.
"""

from __future__ import annotations


class CopydeskError(Exception):
    """The root of every error Copydesk raises on purpose."""


class InvalidRequest(CopydeskError):  # noqa: N818 - the name is the API's word for it
    """The caller sent something unusable; ``field`` names what, ``message`` says why."""

    def __init__(self, field: str, message: str, position: int | None = None) -> None:
        super().__init__(field, message, position)
        self.field = field
        self.message = message
        self.position = position

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


class RejectedArticle(CopydeskError):  # noqa: N818 - a result word, not a fault
    """The submission is no article; it will never succeed, so it is recorded and not retried."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Unavailable(CopydeskError):  # noqa: N818 - as in HTTP's 503
    """Broker, index or ledger is away or overloaded: wait and try again; not an attempt."""


class IndexMissing(Unavailable):
    """The index or its alias is not there: stop and alarm, since only ``migrate`` may create it."""


class KeyReused(CopydeskError):  # noqa: N818 - a refusal, as in HTTP's 409
    """An Idempotency-Key stands for another request."""


class BadSettings(CopydeskError):  # noqa: N818 - read as a sentence at the start
    """A setting has a value that cannot be used; the text names the variable."""
