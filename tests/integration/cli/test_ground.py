"""Before anything is started: ports, the data folder's lock, and a broker that can be run."""

import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from services.cli.broker import (
    bundled_server,
    find_server,
    free_port,
    pings,
    server_command,
    server_version,
)
from services.cli.ground import check_ports, is_locked, lock_data_dir
from shared.errors import BadSettings
from shared.settings import Settings

LIMIT = 15.0


def settings(folder, **more):
    ports = {"ingest_port": free_port(), "search_port": free_port(), "flower_port": free_port()}
    return Settings(data_dir=folder, **(ports | more))


@pytest.mark.parametrize("name", ["ingest_port", "search_port", "flower_port", "redis_port"])
def test_a_port_in_use_is_named_with_its_setting(tmp_path, name):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(BadSettings, match=rf"port {port} .* in use; .* COPYDESK_{name.upper()}"):
            check_ports(settings(tmp_path, **{name: port}))


def test_one_port_for_two_services_is_refused_with_both_settings(tmp_path):
    port = free_port()
    with pytest.raises(BadSettings, match="COPYDESK_INGEST_PORT and COPYDESK_SEARCH_PORT are both"):
        check_ports(settings(tmp_path, ingest_port=port, search_port=port))


@pytest.mark.parametrize("bind", ["192.0.2.1", "nonsense", "a..b", "127.0.0.1:80", "x" * 300])
def test_an_address_that_is_not_of_this_machine_is_told_with_its_setting(tmp_path, bind):
    with pytest.raises(BadSettings, match=rf"COPYDESK_BIND: nothing can listen on {bind} \(.+\); give"):
        check_ports(settings(tmp_path, bind=bind))


def test_free_ports_are_fine_also_right_after_a_server_with_connections_has_gone(tmp_path):
    given = settings(tmp_path)
    with socket.create_server(("127.0.0.1", given.search_port)) as server:
        client = socket.create_connection(server.getsockname())
        connection, _ = server.accept()
        connection.close()  # the server closes first: its side lingers
        client.close()
    check_ports(given)


def test_up_with_a_port_in_use_starts_nothing_and_exits_with_2(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        environ = os.environ | {"COPYDESK_DATA_DIR": str(tmp_path), "COPYDESK_SEARCH_PORT": port}
        environ |= {"COPYDESK_INGEST_PORT": str(free_port()), "COPYDESK_FLOWER_PORT": str(free_port())}
        command = [sys.executable, "-m", "services.cli.main", "up"]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"copydesk: port {port} on 127.0.0.1 is already in use; stop what uses it, "
        "or choose another with COPYDESK_SEARCH_PORT\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["up.lock"]


HOLD = (
    "import sys, time\nfrom pathlib import Path\n"
    "from services.cli.ground import lock_data_dir\nfrom shared.settings import Settings\n"
    "lock_data_dir(Settings(data_dir=Path(sys.argv[1])))\nprint('held', flush=True)\ntime.sleep(600)"
)


def holder(folder):
    process = subprocess.Popen([sys.executable, "-c", HOLD, folder], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    return process


def end(process):
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()


def test_a_second_run_on_the_same_data_is_refused_with_the_process_that_holds_it(tmp_path):
    process = holder(tmp_path)
    try:
        assert is_locked(settings(tmp_path))
        with pytest.raises(BadSettings, match=rf"process {process.pid}\).*COPYDESK_DATA_DIR"):
            lock_data_dir(settings(tmp_path))
    finally:
        end(process)


def test_a_run_that_was_killed_leaves_the_data_free_for_the_next(tmp_path):
    end(holder(tmp_path))
    assert not is_locked(settings(tmp_path))
    descriptor = lock_data_dir(settings(tmp_path))
    assert is_locked(settings(tmp_path))
    os.close(descriptor)


def test_a_data_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(BadSettings, match=r"COPYDESK_DATA_DIR: .*file/data cannot be written"):
        lock_data_dir(settings(tmp_path / "file" / "data"))


def test_the_bundled_server_is_there_and_new_enough():
    program = bundled_server()
    assert program is not None
    assert server_version(program) >= 7


def fake_server(folder, name, version):
    folder.mkdir(exist_ok=True)
    program = folder / name
    program.write_text(f"#!/bin/sh\necho 'Server v={version} sha=00000000:0 malloc=libc bits=64'\n")
    program.chmod(0o755)
    return program


def test_a_server_on_the_path_is_taken_first_if_it_is_new_enough(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    redis = fake_server(tmp_path / "bin", "redis-server", "7.0.15")
    assert find_server() == redis
    valkey = fake_server(tmp_path / "bin", "valkey-server", "8.1.0")
    assert find_server() == valkey
    fake_server(tmp_path / "bin", "valkey-server", "6.2.0")
    assert find_server() == redis
    fake_server(tmp_path / "bin", "redis-server", "6.0.16")
    assert find_server() == bundled_server()


def test_where_there_is_no_server_at_all_a_sentence_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("services.cli.broker.bundled_server", lambda: None)
    with pytest.raises(BadSettings, match=r"apt install valkey-server .* COPYDESK_BROKER_URL"):
        find_server()


def test_the_started_server_is_durable_private_and_never_drops_a_key(tmp_path):
    port = free_port()
    url = f"redis://127.0.0.1:{port}/0"
    assert not pings(url)
    process = subprocess.Popen(server_command(find_server(), port, tmp_path), stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + LIMIT
        while not pings(url):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        away = f"redis://127.0.0.1:{free_port()}/0"
        assert not pings(away)
        assert pings(f"{away};{url}")  # one of several is enough
        told = {
            name: ask(port, f"CONFIG GET {name}")
            for name in ("appendonly", "maxmemory-policy", "bind", "dir")
        }
        assert told == {
            "appendonly": "yes",
            "maxmemory-policy": "noeviction",
            "bind": "127.0.0.1",
            "dir": str(tmp_path),
        }
    finally:
        process.terminate()
        assert process.wait(timeout=LIMIT) == 0


def ask(port, command):
    """The value in the answer to CONFIG GET."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(command.encode() + b"\r\n")
        return connection.recv(4096).decode().split("\r\n")[-2]


def test_a_server_that_wants_a_password_counts_as_answering(tmp_path):
    port = free_port()
    command = (*server_command(find_server(), port, tmp_path), "--requirepass", "secret")
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + LIMIT
        while not pings(f"redis://127.0.0.1:{port}/0"):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert not ask(port, "CONFIG GET dir").startswith("/")
    finally:
        process.terminate()
        process.wait(timeout=LIMIT)
