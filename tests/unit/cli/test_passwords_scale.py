"""The secrets of the deployment that grows: one address a node, one reader a file, and certificates."""

from __future__ import annotations

import os
import socket
import ssl
import stat
from pathlib import Path
from threading import Thread
from urllib.parse import unquote, urlsplit

import pytest
from kombu import Connection

from services.cli.passwords import COPYDESK, ELASTICSEARCH, GRAFANA, KEPT, REDIS, make_secrets, read_passwords
from services.cli.passwords_scale import VARIABLES, main, make_certificates, plan_scaled, read_ids
from shared.errors import BadSettings
from shared.index.elasticsearch_client import read_hosts
from shared.settings import Settings

as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
IDS = {"rabbitmq": (102, 104), "postgres": (101, 103)}
WORDS = {name: f"p@ss:w/rd?#%;,{name}" for name in VARIABLES} | {"rabbitmq": "plain-password"}


def files(**words: str) -> dict[str, str]:
    return {secret.name: secret.text for secret in plan_scaled(**{**WORDS, **words}, ids=IDS)}


def test_what_is_an_address_is_one_that_settings_take() -> None:
    made = files()
    settings = Settings(
        ledger_url=made["ledger-url"], broker_url=made["broker-url"], redis_url=made["redis-url"],
        index_url=made["index-url"], cursor_secret=made["cursor-secret"],
    )  # fmt: skip
    for url, name in ((settings.ledger_url, "postgres"), (settings.redis_url, "redis")):
        assert unquote(urlsplit(url).password or "") == WORDS[name]


def test_every_node_of_elasticsearch_and_of_rabbitmq_is_named() -> None:
    hosts, credentials = read_hosts(files()["index-url"])
    assert hosts == [f"http://elasticsearch-{node}:9200" for node in (1, 2, 3)]
    assert credentials == ("elastic", WORDS["elastic"])
    broker = Connection(files()["broker-url"])
    assert [urlsplit(one).hostname for one in broker.alt] == [f"rabbitmq-{node}" for node in (1, 2, 3)]
    assert (broker.userid, broker.password, broker.virtual_host) == ("copydesk", WORDS["rabbitmq"], "/")


@pytest.mark.parametrize("given", ["with#a-comment", "with'a-quote", "päss-wörd-lang", "two\nlines-of-it"])
def test_a_password_that_rabbitmqs_file_cannot_hold_is_refused_and_not_shown(given: str) -> None:
    with pytest.raises(BadSettings, match="COPYDESK_RABBITMQ_PASSWORD") as caught:
        files(rabbitmq=given)
    assert given not in str(caught.value)


@as_root
def test_a_refused_password_is_not_kept(tmp_path: Path) -> None:
    with pytest.raises(BadSettings):
        make_secrets(
            tmp_path, {"COPYDESK_RABBITMQ_PASSWORD": "with#a-comment"}, (0, 0), VARIABLES,
            lambda **words: plan_scaled(**words, ids=IDS),
        )  # fmt: skip
    assert not (tmp_path / KEPT).exists()


@as_root
def test_each_file_can_be_read_by_its_service_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, (user, group) in IDS.items():
        monkeypatch.setenv(f"COPYDESK_{name.upper()}_UID", str(user))
        monkeypatch.setenv(f"COPYDESK_{name.upper()}_GID", str(group))
    secrets, certificates = tmp_path / "secrets", tmp_path / "certificates"
    secrets.mkdir()
    certificates.mkdir()
    main([str(secrets), str(certificates)])
    owners = {
        "redis.acl": REDIS, "elastic-password": ELASTICSEARCH, "postgres-password": IDS["postgres"],
        "rabbitmq.conf": IDS["rabbitmq"], "erlang-cookie": IDS["rabbitmq"],
        **dict.fromkeys(("ledger-url", "broker-url", "redis-url", "index-url"), COPYDESK),
        **dict.fromkeys(("cursor-secret", "flower-password"), COPYDESK),
        "grafana-password": GRAFANA,
    }  # fmt: skip
    found = [path for path in secrets.iterdir() if path.is_file()]
    assert {path.name: (path.stat().st_uid, path.stat().st_gid) for path in found} == owners
    found += certificates.iterdir()
    assert {stat.S_IMODE(path.stat().st_mode) for path in found} == {0o400}
    assert {path.name for path in certificates.iterdir()} == {"ca.crt", "node.crt", "node.key"}
    before = {path: path.read_bytes() for path in found}
    main([str(secrets), str(certificates)])
    assert before == {path: path.read_bytes() for path in before}


@pytest.mark.parametrize(
    ("variable", "keeper"),
    [("COPYDESK_POSTGRES_PASSWORD", "PostgreSQL"), ("COPYDESK_RABBITMQ_PASSWORD", "RabbitMQ")],
)
def test_an_engine_keeps_the_password_of_its_first_start(tmp_path: Path, variable: str, keeper: str) -> None:
    name = next(name for name, known in VARIABLES.items() if known == variable)
    (tmp_path / KEPT).mkdir()
    (tmp_path / KEPT / name).write_text("first-of-its-kind")
    assert read_passwords(tmp_path, {variable: "first-of-its-kind"}, VARIABLES)[name] == "first-of-its-kind"
    with pytest.raises(BadSettings, match=f"{keeper} was first started with") as caught:
        read_passwords(tmp_path, {variable: "second-of-its-kind"}, VARIABLES)
    assert "of-its-kind" not in str(caught.value)


def test_a_user_that_is_no_number_is_refused() -> None:
    assert read_ids({}) == {"rabbitmq": (999, 999), "postgres": (999, 999)}
    with pytest.raises(BadSettings, match="COPYDESK_POSTGRES_GID"):
        read_ids({"COPYDESK_POSTGRES_GID": "postgres"})


@as_root
@pytest.mark.enable_socket
def test_two_nodes_believe_each_other_and_nobody_with_another_authority(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    for folder in (ours, theirs):
        folder.mkdir()
        make_certificates(folder)
    assert shake(ours, ours) is None
    assert isinstance(shake(ours, theirs), ssl.SSLError)


def shake(one: Path, other: Path) -> Exception | None:
    """What goes wrong where two nodes meet, each of whom asks the other for its certificate."""
    ends = socket.socketpair()
    server = Thread(target=_meet, args=(one, ends[0]), kwargs={"server": True})
    server.start()
    try:
        _meet(other, ends[1], server=False)
    except (ssl.SSLError, OSError) as error:
        return error
    finally:
        server.join(10)
    return None


def _meet(folder: Path, end: socket.socket, *, server: bool) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # as `verification_mode: certificate` does
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(folder / "ca.crt")
    context.load_cert_chain(folder / "node.crt", folder / "node.key")
    end.settimeout(10)
    with end:
        try:
            with context.wrap_socket(end, server_side=server) as met:
                met.sendall(b"x")
                assert met.recv(1) == b"x"
        except ssl.SSLError:
            if not server:
                raise
