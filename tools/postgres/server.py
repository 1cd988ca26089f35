"""One PostgreSQL server in a temporary folder, on a free loopback port."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg

from tools.ports import free_ports
from tools.postgres.binaries import binaries

GIVEN: Final = "HEALTHPAY_TEST_POSTGRES"
START_S: Final = 120.0
STOP_S: Final = 30.0
NOT_ROOT: Final = "postgres"
# The server is thrown away with the machine's power, so nothing is synced; what
# the tests kill is its clients.
OPTIONS: Final = ("fsync=off", "full_page_writes=off", "max_connections=50")


class PostgresWontStart(Exception):
    """The server did not come up; holds the end of its log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresServer:
    """A server that answers; `url` is of a database that may be filled."""

    url: str


@contextmanager
def running() -> Iterator[PostgresServer]:
    """The server that `HEALTHPAY_TEST_POSTGRES` names, else a new one.

    Raises:
        PostgresMissing: No server programs, and none can be installed.
        PostgresWontStart: The server does not come up.
    """
    given = os.environ.get(GIVEN)
    if given:
        psycopg.connect(given).close()
        yield PostgresServer(url=given)
        return
    programs = binaries()
    folder = Path(tempfile.mkdtemp(prefix="healthpay-postgres-"))
    try:
        owner = _owner(folder)
        password = secrets.token_hex(16)
        _create(programs, folder, password, owner)
        with _started(programs, folder, password, owner) as url:
            yield PostgresServer(url=url)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _owner(folder: Path) -> str | None:
    """PostgreSQL refuses to run as root; its own user does it then."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(NOT_ROOT)
    except KeyError:
        raise PostgresWontStart(f"as root, a user {NOT_ROOT!r} is needed") from None
    os.chown(folder, entry.pw_uid, entry.pw_gid)
    return NOT_ROOT


def _create(programs: Path, folder: Path, password: str, owner: str | None) -> None:
    secret = folder / "password"
    secret.write_text(password, encoding="utf-8")
    if owner is not None:
        shutil.chown(secret, owner)
    secret.chmod(0o600)
    command = [
        str(programs / "initdb"),
        f"--pgdata={folder / 'data'}",
        "--username=healthpay",
        f"--pwfile={secret}",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C",
        "--no-sync",
    ]
    log = folder / "initdb.log"
    if _spawn(command, folder, log, owner).wait(START_S) != 0:
        raise PostgresWontStart(f"initdb failed:\n{_end_of(log)}")


@contextmanager
def _started(
    programs: Path, folder: Path, password: str, owner: str | None
) -> Iterator[str]:
    (port,) = free_ports(1)
    place = ("listen_addresses=127.0.0.1", f"unix_socket_directories={folder}")
    options = (*place, f"port={port}", *OPTIONS)
    command = [str(programs / "postgres"), "-D", str(folder / "data")]
    command += [part for option in options for part in ("-c", option)]
    log = folder / "log"
    server = _spawn(command, folder, log, owner)
    try:
        url = f"postgresql://healthpay:{password}@127.0.0.1:{port}/postgres"
        _await(server, url, log)
        yield url
    finally:
        server.send_signal(signal.SIGINT)
        try:
            server.wait(STOP_S)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _await(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + START_S
    while True:
        try:
            psycopg.connect(url, connect_timeout=2).close()
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > deadline:
                said = f"no answer; its log ends:\n{_end_of(log)}"
                raise PostgresWontStart(said) from None
            time.sleep(0.05)
        else:
            return


def _spawn(
    command: list[str], folder: Path, log: Path, owner: str | None
) -> subprocess.Popen[bytes]:
    groups = None if owner is None else ()
    with log.open("wb") as out:
        return subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            user=owner,
            group=owner,
            extra_groups=groups,
            # Ctrl-C in a terminal stops the tests; they stop the server.
            start_new_session=True,
        )


def _end_of(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")[-2_000:]
