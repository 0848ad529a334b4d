"""By which names a service may be asked that lets everybody in because only this machine reaches it.

A web page can reach this machine, too: its own name is made to lead here (DNS rebinding), and then a browser
takes the service for a part of that page's site, and lets it read and push. The name gives it away.
"""

from __future__ import annotations

import ipaddress

from flask import Flask, Response, request

from shared.http import problem
from shared.settings import PREFIX, Settings, is_loopback

_WORDS = (
    "Host: a service that asks for no keys answers by this machine's own names alone, such as localhost; set "
    f"{PREFIX}KEYS=on, or off if something in front asks who it is, or {PREFIX}TRUSTED_PROXIES behind a proxy"
)


def refuse_other_names(app: Flask, settings: Settings) -> None:
    """Answer 421 to requests for other hosts, unless keys or proxies have been thought of."""
    if settings.keys != "auto" or settings.trusted_proxies or not is_loopback(settings.bind):
        return

    def check() -> Response | None:
        return None if is_this_machine(request.host) else problem(421, "Misdirected request", _WORDS)

    app.before_request(check)


def is_this_machine(host: str) -> bool:
    """Whether a Host header names this machine; browsers always send one, and one that can be read."""
    name = host.lower()
    name = name[1:].partition("]")[0] if name.startswith("[") else name.partition(":")[0]
    if not name or name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
