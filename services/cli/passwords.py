"""The passwords of the docker-compose deployment, made at random at the first start: `python3 -m` this.

Each lies in files of one folder, and each file can be opened by one service's user alone. What the services
do with them is written in docker-compose.yml.
"""

from __future__ import annotations

import os
import re
import secrets
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

from shared.errors import BadSettings

# Users and groups of the official images, and the user that deploy/Dockerfile makes.
REDIS, ELASTICSEARCH, COPYDESK = (999, 1000), (1000, 0), (10001, 10001)
GRAFANA = (472, 0)
RANDOM_BYTES = 32
# A password that was given: it stands in a URL and in curl's settings, and Flower compares ASCII alone.
USABLE = re.compile(r"[!#-\[\]-~]{12,}")
KEPT = "kept"  # the folder of the passwords themselves, for root alone
GIVEN = {
    "redis": "COPYDESK_REDIS_PASSWORD",
    "elastic": "ELASTIC_PASSWORD",
    "flower": "COPYDESK_FLOWER_PASSWORD",
    "grafana": "COPYDESK_GRAFANA_PASSWORD",
}
# Who goes by the password of its first start, and how it is told of another: else nothing would find in.
KEEPERS = {
    "elastic": ("Elasticsearch", "stop everything and remove the volume of its settings (not of its data)"),
    "postgres": ("PostgreSQL", "tell it so (`ALTER ROLE copydesk PASSWORD ...`)"),
    "grafana": ("Grafana", "tell it so (`grafana cli admin reset-admin-password ...`)"),
    "rabbitmq": ("RabbitMQ", "tell it so (`rabbitmqctl change_password copydesk ...`)"),
}
# No user may do what stops, empties or reconfigures the server; INFO tells how full it is. The user `health`
# can ask whether the server is there, and nothing else, so it needs no password.
ACL = """\
user default off resetpass resetkeys resetchannels -@all
user copydesk on #{digest} ~* &* +@all -@admin -@dangerous +info
user health on nopass resetkeys resetchannels -@all +ping
"""


@dataclass(frozen=True, slots=True)
class Secret:
    """One file: its name, what stands in it, and the user and group that it belongs to."""

    name: str
    text: str
    owner: tuple[int, int]


def plan_files(redis: str, elastic: str, flower: str, grafana: str = "") -> list[Secret]:
    """The files that follow from the passwords."""
    return [
        Secret("redis.acl", ACL.format(digest=sha256(redis.encode()).hexdigest()), REDIS),
        Secret("elastic-password", elastic, ELASTICSEARCH),
        Secret("broker-url", f"redis://copydesk:{quote(redis, safe='')}@redis:6379/0", COPYDESK),
        Secret("index-url", f"http://elastic:{quote(elastic, safe='')}@elasticsearch:9200", COPYDESK),
        Secret("flower-password", flower, COPYDESK),
        Secret("grafana-password", grafana, GRAFANA),
    ]


def read_passwords(
    folder: Path, environ: Mapping[str, str], variables: Mapping[str, str] = GIVEN
) -> dict[str, str]:
    """Each password by its name: the one given, else the one kept, else a new one; raises ``BadSettings``."""
    return {
        name: _password(folder / KEPT / name, environ.get(variable, ""), variable)
        for name, variable in variables.items()
    }


def _password(kept: Path, given: str, variable: str) -> str:
    if given and not USABLE.fullmatch(given):
        raise BadSettings(f'{variable} must be 12 or more of the ASCII characters, without blanks, " and \\')
    if given and kept.name in KEEPERS and kept.exists() and kept.read_text(encoding="utf-8") != given:
        keeper, how = KEEPERS[kept.name]
        raise BadSettings(
            f"{variable} is not what {keeper} was first started with; leave it out, or {how}, and remove "
            f"{KEPT}/{kept.name} from the volume `secrets`"
        )
    if given:
        return given
    return kept.read_text(encoding="utf-8") if kept.exists() else secrets.token_urlsafe(RANDOM_BYTES)


def write_secret(path: Path, text: str, owner: tuple[int, int] | None = None, mode: int = 0o400) -> None:
    """Put a file in its place, whole or not at all, so that only those of its ``mode`` can read it."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fchmod(file.fileno(), mode)  # whatever the umask
        if owner is not None:
            os.fchown(file.fileno(), *owner)
        os.fsync(file.fileno())
    fresh.replace(path)


def make_secrets(
    folder: Path,
    environ: Mapping[str, str],
    own: tuple[int, int],
    variables: Mapping[str, str] = GIVEN,
    plan: Callable[..., Sequence[Secret]] = plan_files,
) -> None:
    """Keep the passwords, for ``own`` alone, and write every file that follows from them.

    ``plan`` takes the passwords by their names in ``variables``. Raises ``BadSettings`` for a given password
    that is no use.
    """
    passwords = read_passwords(folder, environ, variables)
    files = plan(**passwords)  # before anything is kept: it may refuse a password
    (folder / KEPT).mkdir(mode=0o700, exist_ok=True)
    folder.chmod(0o711)  # each service knows the name of its file, and need not see the others
    for name, password in passwords.items():
        write_secret(folder / KEPT / name, password, own)
    for secret in files:
        write_secret(folder / secret.name, secret.text, secret.owner)


def main() -> None:
    """Make or renew the files in the folder that is named."""
    try:
        make_secrets(Path(sys.argv[1]), os.environ, (os.getuid(), os.getgid()))
    except BadSettings as error:
        raise SystemExit(f"copydesk: {error}") from error
    print("passwords are in their files")


if __name__ == "__main__":
    main()
