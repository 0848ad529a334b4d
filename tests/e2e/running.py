"""A `copydesk up` on free ports for tests: its lines, its processes, and the ways in by HTTP and the CLI."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx

from tests.servers import free_port

LIMIT = 90.0  # seconds a poll may last; a machine that is busy with other tests starts slowly
ROOT = Path(__file__).parents[2]
COPYDESK = (sys.executable, "-m", "services.cli.main")


def until(look, what, limit=LIMIT):
    """Poll until ``look`` gives something true, and return that; ``what`` may be worked out at the end."""
    deadline = time.monotonic() + limit
    while not (found := look()):
        assert time.monotonic() < deadline, f"waited in vain for {what() if callable(what) else what}"
        time.sleep(0.1)
    return found


class System:
    """A running `copydesk up` with its lines, its ports and its data folder."""

    def __init__(self, folder, *options, **settings):
        self.folder = folder
        self.ports = {name: free_port() for name in ("ingest", "search", "flower")}
        self.environ = os.environ | {"COPYDESK_DATA_DIR": str(folder), "PYTHONUNBUFFERED": "1"}
        self.environ |= {f"COPYDESK_{name.upper()}_PORT": str(port) for name, port in self.ports.items()}
        self.environ |= {f"COPYDESK_{name.upper()}": str(value) for name, value in settings.items()}
        self.http = httpx.Client(trust_env=False, timeout=30)
        self.lines = []
        self.start(*options)

    def start(self, *options):
        self.lines.clear()
        self.process = subprocess.Popen(
            [*COPYDESK, "up", *options],
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.reader = threading.Thread(target=self._read, args=(self.process.stdout,))
        self.reader.start()
        self.await_line("everything is up")

    def _read(self, stream):
        self.lines.extend(line.rstrip("\n") for line in stream)

    def await_line(self, words, count=1):
        def look():
            assert self.process.poll() is None or self.reader.is_alive(), "\n".join(self.lines[-40:])
            return sum(words in line for line in self.lines) >= count

        until(look, f"{words!r}; the last lines were {self.lines[-10:]}")

    def stop(self, number=signal.SIGTERM):
        """Signal the supervisor; returns exit code and seconds."""
        begin = time.monotonic()
        self.process.send_signal(number)
        code = self.process.wait(timeout=LIMIT)
        return code, time.monotonic() - begin

    def close(self):
        if self.process.poll() is None:
            self.stop()
        until(lambda: not self.processes(), "the end of every process")
        self.reader.join(timeout=LIMIT)
        self.process.stdout.close()
        self.http.close()

    def processes(self):
        """Process ids and command lines of everything that was started for this data folder.

        A server that writes its state over its command line and environment is known by its folder.
        """
        mark = f"COPYDESK_DATA_DIR={self.folder}".encode()
        found = {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                ours = (entry / "cwd").readlink().is_relative_to(self.folder)
                if ours or mark in (entry / "environ").read_bytes().split(b"\0"):
                    found[int(entry.name)] = (entry / "cmdline").read_bytes().decode().replace("\0", " ")
            except (OSError, ValueError):
                continue
        return found

    def child(self, words):
        """The process id of the direct child with these words in its command line."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        (pid,) = [pid for pid, line in self.processes().items() if words in line and str(pid) in children]
        return pid

    def url(self, service, path):
        return f"http://127.0.0.1:{self.ports[service]}{path}"

    def search(self, query, **parameters):
        answer = self.http.get(self.url("search", "/v1/search"), params={"q": query, **parameters})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def find(self, query, **parameters):
        """Search until there are hits."""
        return until(lambda: self.search(query, **parameters)["hits"], f"hits for {query}", 20)

    def push(self, **item):
        answer = self.http.post(self.url("ingest", "/v1/articles"), json=item)
        assert answer.status_code == 202, answer.text
        return answer.json()["id"]

    def status(self, article_id):
        return self.http.get(self.url("ingest", f"/v1/articles/{article_id}/status")).json()

    def await_status(self, article_id, word):
        until(
            lambda: self.status(article_id)["status"] == word,
            lambda: f"{word}, not {self.status(article_id)}; the last lines were {self.lines[-30:]}",
        )

    def cli(self, *words):
        return subprocess.run(
            [*COPYDESK, *map(str, words)], env=self.environ, capture_output=True, text=True, timeout=LIMIT
        )


def article(number, words):
    return {
        "source": "e2e.example",
        "uri": f"e2e-{number}",
        "title": f"The {words} of Port Calder, part {number}",
        "body": f"The council of Port Calder heard on Monday about the {words}. A report of {number} pages "
        "was handed out to the members, who will vote on it before the end of the year.",
    }
