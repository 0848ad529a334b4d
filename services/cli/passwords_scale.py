"""The passwords and certificates of `deploy/docker-compose.scale.yml`: `python3 -m` this with two folders.

As in ``passwords.py`` each lies in files of one folder, and each file can be opened by one service's user
alone. The certificates are what Elasticsearch's nodes know each other by.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

from services.cli.passwords import (
    COPYDESK,
    ELASTICSEARCH,
    GIVEN,
    Secret,
    make_secrets,
    plan_files,
    write_secret,
)
from shared.errors import BadSettings

NODES = ("1", "2", "3")  # of Elasticsearch, and of RabbitMQ
OFFICIAL = 999  # the user and the group of PostgreSQL, and of RabbitMQ, in their official images
VARIABLES = {
    **GIVEN,
    "rabbitmq": "COPYDESK_RABBITMQ_PASSWORD",
    "cookie": "COPYDESK_ERLANG_COOKIE",
    "postgres": "COPYDESK_POSTGRES_PASSWORD",
    "cursors": "COPYDESK_CURSOR_SECRET",
}
RABBITMQ = """\
default_user = copydesk
default_pass = {password}
default_user_tags.administrator = false
"""
DAYS = 3650  # then the nodes have to be given new ones: see README.md
# PKCS 8, which Elasticsearch reads.
_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", str(DAYS))
_CA = ("-subj", "/CN=copydesk-elasticsearch", "-addext", "keyUsage=critical,keyCertSign")
_NODE = (
    "-subj", "/CN=elasticsearch", "-addext", "basicConstraints=critical,CA:FALSE",
    "-addext", "extendedKeyUsage=serverAuth,clientAuth", "-CA", "ca.crt", "-CAkey", "ca.key",
)  # fmt: skip
_PLAIN = re.compile(r"[A-Za-z0-9._~-]+")


def plan_scaled(
    redis: str,
    elastic: str,
    flower: str,
    grafana: str,
    rabbitmq: str,
    cookie: str,
    postgres: str,
    cursors: str,
    *,
    ids: Mapping[str, tuple[int, int]],
) -> list[Secret]:
    """The files that follow from the passwords; ``ids`` are the users of ``rabbitmq`` and ``postgres``.

    Raises ``BadSettings`` for a password that RabbitMQ's file cannot hold.
    """
    if not _PLAIN.fullmatch(rabbitmq):
        raise BadSettings("COPYDESK_RABBITMQ_PASSWORD may have letters, digits and ._~- alone")
    kept = {secret.name: secret for secret in plan_files(redis, elastic, flower, grafana)}
    base, search = (quote(word, safe="") for word in (postgres, elastic))
    brokers = ";".join(f"amqp://copydesk:{rabbitmq}@rabbitmq-{node}:5672//" for node in NODES)
    indexes = ",".join(f"http://elastic:{search}@elasticsearch-{node}:9200" for node in NODES)
    return [
        *(kept[name] for name in ("redis.acl", "elastic-password", "flower-password", "grafana-password")),
        Secret("redis-url", kept["broker-url"].text, COPYDESK),
        Secret("rabbitmq.conf", RABBITMQ.format(password=rabbitmq), ids["rabbitmq"]),
        Secret("erlang-cookie", cookie, ids["rabbitmq"]),
        Secret("broker-url", brokers, COPYDESK),
        Secret("postgres-password", postgres, ids["postgres"]),
        Secret("ledger-url", f"postgresql://copydesk:{base}@postgres:5432/copydesk", COPYDESK),
        Secret("index-url", indexes, COPYDESK),
        Secret("cursor-secret", cursors, COPYDESK),
    ]


def make_certificates(folder: Path) -> None:
    """Make an authority and what it vouches for, for Elasticsearch alone, unless they are there.

    The authority's key is thrown away: nobody can join with a certificate that is not in the folder. One is
    enough for all nodes, since what is asked of a node is whether the authority vouches for it, not its name.
    """
    folder.chmod(0o755)
    names = ("ca.crt", "node.crt", "node.key")
    if all((folder / name).exists() for name in names):
        return
    with TemporaryDirectory() as made:
        _openssl(made, *_KEY, *_CA, "-keyout", "ca.key", "-out", "ca.crt")
        _openssl(
            made,
            *_KEY,
            *_NODE,
            "-CA",
            "ca.crt",
            "-CAkey",
            "ca.key",
            "-keyout",
            "node.key",
            "-out",
            "node.crt",
        )
        for name in names:
            write_secret(folder / name, (Path(made) / name).read_text(encoding="ascii"), ELASTICSEARCH)


def _openssl(folder: str, *words: str) -> None:
    done = subprocess.run(  # noqa: S603 - our own words
        ["openssl", "req", "-x509", *words],  # noqa: S607 - wherever the image has it
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise BadSettings(f"no certificates were made: {done.stderr.strip()}")


def read_ids(environ: Mapping[str, str]) -> dict[str, tuple[int, int]]:
    """The users and groups that RabbitMQ and PostgreSQL run as; raises ``BadSettings`` for no number."""
    return {
        name: (
            _number(environ, f"COPYDESK_{name.upper()}_UID"),
            _number(environ, f"COPYDESK_{name.upper()}_GID"),
        )
        for name in ("rabbitmq", "postgres")
    }


def _number(environ: Mapping[str, str], variable: str) -> int:
    given = environ.get(variable, "") or str(OFFICIAL)
    if not given.isdecimal():
        raise BadSettings(
            f"{variable} must be the number of a user or group in the image, such as {OFFICIAL}"
        )
    return int(given)


def main(arguments: Sequence[str]) -> None:
    """Make or renew the files in the two folders that are named."""
    secrets, certificates = map(Path, arguments)
    try:
        plan = partial(plan_scaled, ids=read_ids(os.environ))
        make_secrets(secrets, os.environ, (os.getuid(), os.getgid()), VARIABLES, plan)
        make_certificates(certificates)
    except BadSettings as error:
        raise SystemExit(f"copydesk: {error}") from error
    print("passwords and certificates are in their files")


if __name__ == "__main__":
    main(sys.argv[1:])
