"""How Elasticsearch is reached: addresses, time limits, JSON, and errors in the port's words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote, urlsplit

import urllib3
from elastic_transport import TransportError, Urllib3HttpNode
from elastic_transport.client_utils import DEFAULT, DefaultType
from elasticsearch import ApiError, NotFoundError, UnsupportedProductError
from elasticsearch.serializer import JsonSerializer

from shared.codec import from_json
from shared.errors import BadSettings, IndexMissing, Unavailable
from shared.index.bulk import describe

CONNECT_SECONDS = 2.0
DEFAULT_PORT = 9200
_WAIT = frozenset((401, 403, 408, 429))  # beside 5xx: what an operator or time will mend


@contextmanager
def in_our_words() -> Iterator[None]:
    """Turn the library's errors into the port's; a request that we built wrong stays the library's."""
    try:
        yield
    except NotFoundError as error:
        raise IndexMissing(reason(error)) from error
    except UnsupportedProductError as error:
        raise Unavailable("what answers at the index URL is not Elasticsearch") from error
    except ApiError as error:
        if error.status_code in _WAIT or error.status_code >= 500:
            raise Unavailable(reason(error)) from error
        raise
    except TransportError as error:
        raise Unavailable(f"Elasticsearch does not answer: {error.message}") from error


def reason(error: ApiError) -> str:
    """What the engine says was wrong."""
    told = error.body.get("error") if isinstance(error.body, dict) else None
    # Else it is a proxy's, or of another program; the colon parts what a log alone shall have.
    if isinstance(told, dict):
        return describe(told)
    return f"Elasticsearch answered {error.status_code}: {error}"


class Node(Urllib3HttpNode):
    """A node that is given up soon when it does not take a connection, however long an answer may take."""

    def perform_request(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        headers: Any = None,  # noqa: ANN401 - the library's own type
        request_timeout: DefaultType | float | None = DEFAULT,
    ) -> Any:  # noqa: ANN401 - as above
        """Send a request with a time limit of its own for the connection."""
        read = self.config.request_timeout if isinstance(request_timeout, DefaultType) else request_timeout
        limit: Any = urllib3.Timeout(connect=CONNECT_SECONDS, read=read)
        return super().perform_request(method, target, body, headers, limit)


class Json(JsonSerializer):
    """JSON read as it was written: fast, and a number that needs more than 64 bits stays whole."""

    def json_loads(self, data: bytes) -> Any:  # noqa: ANN401 - JSON values have no narrower type
        """Read JSON."""
        return from_json(data, object)


def read_hosts(url: str) -> tuple[list[str], tuple[str, str] | None]:
    """The hosts of a URL list and the credentials that one of them carries; raises ``BadSettings``."""
    hosts: list[str] = []
    credentials = None
    scheme = "http"
    for part in url.split(","):
        try:
            parsed = urlsplit(part.strip() if "://" in part else f"{scheme}://{part.strip()}")
            port = parsed.port or DEFAULT_PORT
        except ValueError as error:
            raise BadSettings(f"COPYDESK_INDEX_URL: {error}") from error
        if not parsed.hostname:
            raise BadSettings("COPYDESK_INDEX_URL must name a host, such as http://localhost:9200")
        scheme = parsed.scheme
        host = f"[{parsed.hostname}]" if ":" in parsed.hostname else parsed.hostname
        hosts.append(f"{scheme}://{host}:{port}{parsed.path.rstrip('/')}")
        if parsed.username is not None:
            credentials = (unquote(parsed.username), unquote(parsed.password or ""))
    return hosts, credentials
