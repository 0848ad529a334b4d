"""Who may see Flower: the password that it asks for, and where it may go without one."""

from __future__ import annotations

import os
from ipaddress import ip_address

from shared.errors import BadSettings
from shared.settings import read_secret

USER = "copydesk"
PASSWORD = "COPYDESK_FLOWER_PASSWORD"  # noqa: S105 - the variable's name
PASSWORD_FILE = f"{PASSWORD}_FILE"
SHORTEST = 12  # characters


def credentials(address: str) -> list[str]:
    """Flower's ``basic_auth``; without a password only the loopback address may be listened on.

    Raises ``BadSettings``.
    """
    password = read_password()
    if not password and not is_loopback(address):
        raise BadSettings(f"{PASSWORD} is needed, since Flower is to listen on {address or 'every address'}")
    return [f"{USER}:{password}"] if password else []


def read_password() -> str:
    """The password, or nothing where none is set; raises ``BadSettings`` for one that is no use."""
    path = os.environ.get(PASSWORD_FILE, "")
    password = os.environ.get(PASSWORD, "") or (read_secret(PASSWORD_FILE, path) if path else "")
    if password and len(password) < SHORTEST:
        raise BadSettings(f"{PASSWORD} must have at least {SHORTEST} characters")
    return password


def is_loopback(address: str) -> bool:
    """Whether only this machine can reach an address to listen on; an empty one is every address."""
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"
