"""A genuine Elasticsearch node from the jars on Maven Central: assembled once into a cache, started per run.

Needs a JDK 21 or newer and Maven; what a test then does with the node is left to the test.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
CACHE = HERE.parents[1] / ".cache" / "elasticsearch-node"
RECIPE = ("pom.xml", "Launcher.java", "RootPlugin.java", "node.py")
OLDEST_JAVA = 21  # the server's class files need it
START_SECONDS = 90.0  # about 5 s on an idle machine; long, since a test machine seldom is
STOP_SECONDS = 10.0
JVM_OPTIONS = (
    "--add-modules=jdk.net,jdk.incubator.vector",
    "--enable-native-access=ALL-UNNAMED",
    "--add-opens=java.base/java.io=ALL-UNNAMED",
    "-XX:+IgnoreUnrecognizedVMOptions",
    "--sun-misc-unsafe-memory-access=allow",
    "-Dlog4j2.disable.jmx=true",
)


class CannotAssemble(Exception):  # noqa: N818 - read as a sentence where it is caught
    """The node cannot be made here; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class RunningNode:
    """A started node: its process, its HTTP address, and the transport address that others join at."""

    process: subprocess.Popen[bytes]
    url: str
    transport: str

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        self.process.kill()
        self.stop()

    def stop(self) -> None:
        """Close its standard input, at which it ends; kill it when it does not."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def java_major(jdk: Path) -> int:
    """The major version of a JDK, from its compiler; 0 where there is none."""
    compiler = jdk / "bin" / "javac"
    if not compiler.exists():
        return 0
    told = subprocess.run([compiler, "-version"], capture_output=True, text=True)
    found = re.search(r"javac (\d+)", told.stdout + told.stderr)
    return int(found[1]) if found else 0


def java_homes(environ: Mapping[str, str]) -> Iterator[Path]:
    """Where a JDK may be, best first: JAVA_HOME, the system's folders, the compiler on PATH."""
    if environ.get("JAVA_HOME"):
        yield Path(environ["JAVA_HOME"])
    yield from sorted(Path("/usr/lib/jvm").glob("*"), reverse=True)
    yield from sorted(Path("/Library/Java/JavaVirtualMachines").glob("*/Contents/Home"), reverse=True)
    compiler = shutil.which("javac", path=environ.get("PATH"))
    if compiler:
        yield Path(compiler).resolve().parents[1]


def find_java(environ: Mapping[str, str]) -> Path | None:
    """The first JDK that is new enough."""
    return next((jdk for jdk in java_homes(environ) if java_major(jdk) >= OLDEST_JAVA), None)


def assemble(jdk: Path, cache: Path = CACHE) -> Path:
    """The node's home, made when the recipe has none yet; raises ``CannotAssemble``.

    Safe when several test runs ask at once: one builds, the others wait for it.
    """
    home = cache / _recipe_hash()
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not home.exists():
            _build(jdk, cache, home)
    return home


def _recipe_hash() -> str:
    digest = hashlib.sha256()
    for name in RECIPE:
        digest.update((HERE / name).read_bytes())
    return digest.hexdigest()[:16]


def _build(jdk: Path, cache: Path, home: Path) -> None:
    """Build beside its place and move it there whole, so that a broken build is never taken for a home."""
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        made = Path(scratch) / "home"
        modules = made / "modules"
        for folder in (made / "config", made / "classes", modules / "root", modules / "transport-netty4"):
            folder.mkdir(parents=True)
        _fetch_jars(jdk, made / "lib")
        for jar in [*made.glob("lib/netty-*.jar"), *made.glob("lib/transport-netty4-*.jar")]:
            jar.rename(modules / "transport-netty4" / jar.name)
        _describe(modules / "transport-netty4", "org.elasticsearch.transport.netty4.Netty4Plugin")
        _compile(jdk, made, "Launcher.java", made / "classes")
        _compile(jdk, made, "RootPlugin.java", Path(scratch) / "plugin")
        _run([jdk / "bin" / "jar", "cf", modules / "root" / "root.jar", "-C", Path(scratch) / "plugin", "."])
        _describe(modules / "root", "copydesk.node.RootPlugin")
        for old in set(cache.glob("?" * 16)) - {home}:
            shutil.rmtree(old)
        made.rename(home)


def _fetch_jars(jdk: Path, lib: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise CannotAssemble("Maven (mvn) is not on PATH")
    goal = "dependency:copy-dependencies"
    command: list[str | Path] = [maven, "-q", "-B", "-f", HERE / "pom.xml", goal, f"-DoutputDirectory={lib}"]
    _run(command, {**os.environ, "JAVA_HOME": str(jdk)})


def _describe(module: Path, classname: str) -> None:
    # No modulename line: loaded from the class path, a named module could not resolve its parent.
    version = re.search(r"<elasticsearch.version>(.+)</", (HERE / "pom.xml").read_text("utf-8"))
    assert version is not None
    lines = {
        "name": module.name,
        "description": module.name,
        "version": version[1],
        "elasticsearch.version": version[1],
        "java.version": str(OLDEST_JAVA),
        "classname": classname,
        "has.native.controller": "false",
        "licensed": "false",
        "extended.plugins": "",
    }
    text = "".join(f"{name}={value}\n" for name, value in lines.items())
    (module / "plugin-descriptor.properties").write_text(text, "utf-8")


def _compile(jdk: Path, home: Path, source: str, target: Path) -> None:
    release = ["--release", str(OLDEST_JAVA), "-proc:none"]
    _run([jdk / "bin" / "javac", *release, "-cp", f"{home}/lib/*", "-d", target, HERE / source])


def _run(command: list[str | Path], environment: Mapping[str, str] | None = None) -> None:
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        said = (done.stdout + done.stderr).strip()[-2000:]
        raise CannotAssemble(f"{Path(command[0]).name} ended with {done.returncode}: {said}")


def start_node(
    jdk: Path,
    home: Path,
    directory: Path,
    settings: Mapping[str, str] | None = None,
    heap_mb: int = 512,
    options: Sequence[str] = (),
) -> RunningNode:
    """Start a node with its data, logs and temporary files in ``directory``, on free ports unless told.

    ``settings`` are Elasticsearch's own, ``options`` the Java machine's. Without ``discovery.seed_hosts`` or
    ``cluster.initial_master_nodes`` the node stands alone. It ends with this process.
    """
    given = {**_node_settings(directory), **(settings or {})}
    if not {"discovery.seed_hosts", "cluster.initial_master_nodes"} & given.keys():
        given["discovery.type"] = "single-node"
    _prepare(directory)
    heap = [f"-Xms{heap_mb}m", f"-Xmx{heap_mb}m", f"-Djava.io.tmpdir={directory / 'tmp'}"]
    places = [f"-Des.path.conf={home / 'config'}", "-cp", f"{home}/lib/*:{home}/classes"]
    command: list[str | Path] = [
        jdk / "bin" / "java",
        *JVM_OPTIONS,
        *options,
        *heap,
        *places,
        "copydesk.node.Launcher",
        home,
    ]
    with (directory / "node.out").open("ab") as out:
        process = subprocess.Popen(
            [*command, *(f"{name}={value}" for name, value in given.items())],
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C goes to the tests, which then stop it in order
        )
    try:
        http, transport = (_port(process, directory, kind) for kind in ("http", "transport"))
    except BaseException:  # an interrupt too: nobody else knows of the process yet
        RunningNode(process, "", "").kill()
        raise
    return RunningNode(process, f"http://{http}", transport)


def _node_settings(directory: Path) -> dict[str, str]:
    return {
        "cluster.name": "copydesk-test",
        "node.name": "node-1",
        "node.portsfile": "true",
        "path.data": str(directory / "data"),
        "path.logs": str(directory / "logs"),
        "network.host": "127.0.0.1",
        "http.port": "0",
        "transport.port": "0",
        # A nearly full disk is no reason for red tests.
        "cluster.routing.allocation.disk.threshold_enabled": "false",
    }


def _prepare(directory: Path) -> None:
    for name in ("logs", "tmp"):
        (directory / name).mkdir(parents=True, exist_ok=True)
    for name in ("http", "transport"):  # left by an earlier start in the same directory
        (directory / "logs" / f"{name}.ports").unlink(missing_ok=True)


def _port(process: subprocess.Popen[bytes], directory: Path, kind: str) -> str:
    """The address the node wrote as it began to listen."""
    told = directory / "logs" / f"{kind}.ports"
    end = time.monotonic() + START_SECONDS
    while not told.exists():
        if process.poll() is not None or time.monotonic() > end:
            said = (directory / "node.out").read_text("utf-8", "replace")[-2000:]
            raise RuntimeError(f"the Elasticsearch node did not start:\n{said}")
        time.sleep(0.05)
    return told.read_text("utf-8").split()[0]


def main() -> None:
    """Start a node by hand: ``node.py DIRECTORY key=value...``; it runs until Ctrl-C."""
    jdk = find_java(os.environ)
    if jdk is None:
        sys.exit(f"no JDK {OLDEST_JAVA} or newer was found")
    settings = dict(pair.split("=", 1) for pair in sys.argv[2:])
    node = start_node(jdk, assemble(jdk), Path(sys.argv[1]).absolute(), settings=settings)
    sys.stdout.write(f"{node.url}\n")
    sys.stdout.flush()
    try:
        node.process.wait()
    except KeyboardInterrupt:
        node.stop()


if __name__ == "__main__":
    main()
