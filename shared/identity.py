"""Who an article is: its source, its URL in comparable form, and the id made of the two.

Pure text work: nothing is fetched, so a URL that redirects or names another canonical keeps its id.
"""

from __future__ import annotations

import posixpath
import re
from functools import lru_cache
from hashlib import blake2b, sha256
from typing import NamedTuple
from urllib.parse import SplitResult, quote, unquote_to_bytes, urlsplit

import idna

from shared.errors import InvalidRequest

MAX_URL_CHARS = 2_048
MAX_SOURCE_CHARS = 253  # as long as a host name may be
MAX_URI_CHARS = 2_048

# Changes when the rules below change in a way that gives an article another id.
_ID_VERSION = b"1"

_DEFAULT_PORTS = {"http": 80, "https": 443}
# Only names that no content system is known to route by: two articles taken for one is the worse mistake.
_TRACKING = re.compile(
    r"utm_.*|mtm_.*|hsa_.*|guce_.*|__hs.*|at_(medium|campaign.*|link.*|format|ptr.*|bbc.*|custom\d)"
    r"|ns_(campaign|mchannel|source|linkname|fee)|pk_(campaign|kwd|keyword|source|medium|content|cid)"
    r"|fbclid|gclid|gclsrc|dclid|gbraid|wbraid|msclkid|yclid|ysclid|twclid|ttclid|li_fat_id|igshid|igsh"
    r"|gad_source|gad_campaignid|fb_action_.*|_branch_match_id"
    r"|mc_cid|mc_eid|mkt_tok|_hsenc|_hsmi|_ga|_gl|_openstat|srsltid|ref_src|cmpid|s_cid|xtor|wt[._]mc"
    r"|smid|smtyp|ftag|ocid|ito|guccounter|spm|soc_src|soc_trk|vero_(id|conv)|oly_(anon|enc)_id",
    re.IGNORECASE,
)
# A space or a control character in a URL is a mistake of the sender: `urlsplit` would silently cut some.
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029\ud800-\udfff]")
_ASCII_HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")
_ADDRESS_6 = re.compile(r"[0-9a-f:.]+")
_SOURCE = re.compile(r"[^\x00-\x1f\x7f-\xa0\u2028\u2029\ud800-\udfff,\"]+")


class _Url(NamedTuple):
    """A URL taken apart and checked; ``host`` is lower-case ASCII, ``port`` None when it is the default."""

    parts: SplitResult
    host: str
    port: int | None


def source_from_url(url: str) -> str:
    """The source id of a URL: its host in lower-case ASCII without ``www.``; raises ``InvalidRequest``."""
    return _without_www(_read(url, "url").host)


def check_url(url: str, field: str = "url") -> str:
    """The URL without outer spaces; raises ``InvalidRequest`` on ``field`` when it is no web address."""
    return _read(url, field).parts.geturl()


def check_source(source: str) -> str:
    """A given source id in lower case without ``www.``; raises ``InvalidRequest`` when it can be none.

    It may be any name, such as ``hokanews.com`` or ``the evening post``; commas, quotes and control
    characters would break the filters of the search API.
    """
    text = " ".join(word for word in source.lower().split(" ") if word)
    if not text:
        raise InvalidRequest("source", "must not be empty")
    if len(text) > MAX_SOURCE_CHARS:
        raise InvalidRequest("source", f"must have at most {MAX_SOURCE_CHARS} characters")
    if not _SOURCE.fullmatch(text):
        raise InvalidRequest("source", "must not contain commas, quotes or control characters")
    return _without_www(text if text.isascii() else _ascii_host(text) or text) if "." in text else text


def check_host(host: str) -> str:
    """A given domain in lower-case ASCII without ``www.``; raises ``InvalidRequest`` when it is no host."""
    text = _ascii_host(host.strip())
    if text is None:
        raise InvalidRequest("domain", "must be a host name, such as example.com")
    return _without_www(text)


def normalise_url(url: str) -> str:
    """The form of a URL that ids are made of, such as ``example.org/a?id=7``; raises ``InvalidRequest``.

    Left out: scheme, ``www.``, default port, fragment, tracking parameters, trailing slashes. The other
    parameters are kept, sorted by name, since content systems write them in any order; parameters of
    one name keep theirs.
    """
    parts, host, port = _read(url, "url")
    path = _normalised(posixpath.normpath("/" + parts.path.lstrip("/")), "/").rstrip("/")
    pieces = [_normalised(piece, "=+") for piece in _pieces(parts.query)]
    query = "&".join(sorted(pieces, key=lambda piece: piece.partition("=")[0]))
    return f"{_netloc(_without_www(host), port)}{path}{'?' if query else ''}{query}"


def strip_tracking(url: str) -> str:
    """The URL without tracking parameters and fragment; what is no web address comes back unchanged."""
    try:
        parts, host, port = _read(url, "url")
    except InvalidRequest:
        return url
    query = "&".join(_pieces(parts.query))
    return parts._replace(netloc=_netloc(host, port), query=query, fragment="").geturl()


def article_id(source: str, uri: str | None, url: str | None) -> str:
    """The id of an article, 32 hex digits, from its source and ``uri``, else its normalised URL.

    Raises ``InvalidRequest`` when both are missing. ``uri`` is taken as it stands: only its source knows
    which of its own ids mean the same.
    """
    if uri is not None:
        name = f"uri:{uri}"
    elif url is not None:
        name = f"url:{normalise_url(url)}"
    else:
        raise InvalidRequest("url", "is needed, unless a uri is given")
    # Names of files may hold bytes that are no UTF-8, as lone surrogates.
    text = f"{source}\0{name}".encode("utf-8", "surrogatepass")
    return blake2b(_ID_VERSION + b"\0" + text, digest_size=16).hexdigest()


def file_uri(name: str) -> str:
    """The uri of a file that was ingested by name."""
    return f"file:{name}"


def body_uri(body: bytes) -> str:
    """The uri of a page that came without an address: the hash of its bytes."""
    return f"sha256:{sha256(body).hexdigest()}"


@lru_cache(maxsize=1_024)  # one push reads its URL three times: to check it, for the source, for the id
def _read(url: str, field: str) -> _Url:
    text = url.strip()
    if len(text) > MAX_URL_CHARS:
        raise InvalidRequest(field, f"must have at most {MAX_URL_CHARS} characters")
    if _UNPRINTABLE.search(text):
        raise InvalidRequest(field, "must not contain spaces or control characters")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise InvalidRequest(field, f"is no valid URL: {error}") from error
    if parts.scheme not in _DEFAULT_PORTS:
        raise InvalidRequest(field, "must be an absolute URL that starts with http:// or https://")
    if parts.username is not None or parts.password is not None:
        raise InvalidRequest(field, "must not carry a user name or password")
    host = _ascii_host(parts.hostname or "")
    if host is None:
        raise InvalidRequest(field, "must name a valid host")
    return _Url(parts, host, None if port == _DEFAULT_PORTS[parts.scheme] else port)


def _ascii_host(host: str) -> str | None:
    """Lower-case ASCII of a host, other scripts as punycode (UTS 46, as browsers do); None if invalid."""
    text = host.lower().rstrip(".")
    if ":" in text:
        return text if _ADDRESS_6.fullmatch(text) else None
    if not text.isascii():
        try:
            text = idna.encode(text, uts46=True).decode("ascii")
        except UnicodeError:
            return None
    return text if len(text) <= MAX_SOURCE_CHARS and _ASCII_HOST.fullmatch(text) else None


def _without_www(host: str) -> str:
    rest = host.removeprefix("www.")
    return rest if "." in rest else host


def _netloc(host: str, port: int | None) -> str:
    name = f"[{host}]" if ":" in host else host
    return name if port is None else f"{name}:{port}"


def _pieces(query: str) -> list[str]:
    return [piece for piece in query.split("&") if piece and not _TRACKING.fullmatch(piece.partition("=")[0])]


def _normalised(text: str, safe: str) -> str:
    """One spelling for percent-encodings: unreserved characters plain, others as upper-case UTF-8 escapes."""
    pieces = re.split(r"((?:%[0-9a-fA-F]{2})+)", text)
    return "".join(_escape(piece, safe, escaped=index % 2 == 1) for index, piece in enumerate(pieces))


def _escape(piece: str, safe: str, *, escaped: bool) -> str:
    # An escaped "/" or "&" means the character itself and must stay apart from the separator.
    return quote(unquote_to_bytes(piece), safe="") if escaped else quote(piece, safe=safe + ":@!$'()*,;?%")
