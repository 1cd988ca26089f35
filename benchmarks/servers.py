"""Starting, loading and stopping the servers that are compared."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path

from benchmarks.load import Job, Result
from benchmarks.measure import Sample

_EXPRESS = Path(__file__).parent / "express"
_START_S, _STOP_S, _INSTALL_S = 60.0, 20.0, 120.0


class NotAvailable(Exception):
    """What is to be compared with cannot be had here; says why."""


class Target:
    """A server that listens, and the load that is put on it."""

    def __init__(self, port: int, *, wallets: int, connections: int) -> None:
        self._port = port
        self._wallets = wallets
        self._connections = connections
        self._runs = 0

    def closed_loop(self, seconds: float) -> Sample:
        """Each connection sends its next request when it has its answer."""
        return self._load(seconds, 0.0)

    def open_loop(self, rate: float, seconds: float) -> Sample:
        """Poisson arrivals; latency from the scheduled instant."""
        return self._load(seconds, rate)

    def _load(self, seconds: float, rate: float) -> Sample:
        self._runs += 1
        job = Job(
            port=self._port,
            connections=self._connections,
            wallets=self._wallets,
            seconds=seconds,
            rate=rate,
            run=self._runs,
        )
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.load"],
            input=json.dumps(asdict(job)),
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds + 120,
        )
        if done.returncode:
            raise RuntimeError(f"the load generator failed:\n{done.stderr}")
        return Result(**json.loads(done.stdout)).sample()


@contextmanager
def healthpay(store: Path, *, wallets: int, connections: int) -> Iterator[Target]:
    """The library behind uvicorn, durable, with wallets opened beforehand.

    Raises:
        NotAvailable: `healthpay_http` has no application here.
    """
    if find_spec("healthpay_http.app") is None:
        raise NotAvailable("healthpay_http has no application yet")
    arguments = ("healthpay", "--store", str(store), "--wallets", str(wallets))
    command = (sys.executable, "-m", "benchmarks.serve", *arguments)
    with _listening(command) as port:
        yield Target(port, wallets=wallets, connections=connections)


@contextmanager
def floor(*, wallets: int, connections: int) -> Iterator[Target]:
    """The bare ASGI callable behind the same server."""
    with _listening((sys.executable, "-m", "benchmarks.serve", "floor")) as port:
        yield Target(port, wallets=wallets, connections=connections)


@contextmanager
def express(*, wanted: bool, wallets: int, connections: int) -> Iterator[Target]:
    """Express with a list in memory.

    Raises:
        NotAvailable: Node, npm or the package cannot be had, or is not wanted.
    """
    if not wanted:
        raise NotAvailable("left out by --without-express")
    node, folder = _node("node"), _installed_express()
    with _listening((node, "server.js"), folder) as port:
        yield Target(port, wallets=wallets, connections=connections)


def _installed_express() -> Path:
    """Install once per version into a cache in the temporary folder."""
    manifest = (_EXPRESS / "package.json").read_text(encoding="utf-8")
    version = json.loads(manifest)["dependencies"]["express"]
    folder = Path(tempfile.gettempdir()) / f"healthpay-bench-express-{version}"
    folder.mkdir(exist_ok=True)
    for name in ("package.json", "server.js"):
        shutil.copy(_EXPRESS / name, folder / name)
    if not (folder / "node_modules" / "express").is_dir():
        options = ("--no-package-lock", "--no-audit", "--no-fund")
        try:
            subprocess.run(
                (_node("npm"), "install", *options),
                cwd=folder,
                check=True,
                capture_output=True,
                timeout=_INSTALL_S,
            )
        except (subprocess.SubprocessError, OSError) as error:
            raise NotAvailable(f"npm install failed: {error}") from error
    return folder


def _node(program: str) -> str:
    found = shutil.which(program)
    if found is None:
        raise NotAvailable(f"{program} is not installed")
    return found


@contextmanager
def _listening(command: Sequence[str], folder: Path | None = None) -> Iterator[int]:
    """A server process that prints its port; stopped at the end."""
    environment = {**os.environ, "NODE_ENV": "production"}
    with subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            first = process.stdout.readline() if process.stdout else ""
            if not first.strip().isdigit():
                raise RuntimeError(f"{command[-1]} did not start")
            yield int(first)
        finally:
            process.terminate()
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
