"""Who asks, and by which address of ours, where proxies stand in front: as many as the settings say.

Forwarded headers are what the outermost believed proxy saw; with none believed they change nothing, since
anybody can write them. WSGI tells ``X_Forwarded_For`` not from ``X-Forwarded-For``: a proxy has to drop names
with underscores, as nginx does by itself.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Final

from flask import Flask, request
from werkzeug.middleware.proxy_fix import ProxyFix

# Some proxies tell the port, too, which is another one for each connection.
_WITH_PORT: Final = re.compile(r"\[([0-9a-fA-F:.]+)\](?::\d{1,5})?|(\d+\.\d+\.\d+\.\d+):\d{1,5}")
_NETWORK_BITS: Final = 64  # of IPv6, the least that one site has: else it had addresses without end
_LONGEST: Final = 64


def trust_proxies(app: Flask, count: int) -> None:
    """Take address, scheme and host from ``X-Forwarded-For``, ``-Proto`` and ``-Host`` of ``count`` proxies.

    Each of them must add a value; a header with fewer is ignored. 0 ignores all of them.
    """
    if count:
        app.wsgi_app = ProxyFix(app.wsgi_app, count, count, count)  # type: ignore[method-assign]


def client_address() -> str:
    """What a caller is counted by: an IPv4 address, or an IPv6 network of 64 bits; ``none`` where unknown."""
    told = (request.remote_addr or "").strip()
    if found := _WITH_PORT.fullmatch(told):
        told = found[1] or found[2]
    try:
        address = ipaddress.ip_address(told.partition("%")[0])
    except ValueError:
        return told[:_LONGEST] or "none"
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, _NETWORK_BITS), strict=False))
