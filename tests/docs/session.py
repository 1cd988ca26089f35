"""A reader's terminal: one shell, one server, and what they print."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO

ROOT = Path(__file__).parents[2]
LISTENS = re.compile(r"listens on http://[\d.]+:(\d+),")
ADDRESS = re.compile(r"\b(?:localhost|127\.0\.0\.1):(\d+)\b")
SERVE = re.compile(r"((?:HEALTHPAY_\w+=\S+ )*)\.venv/bin/nox -s serve")
SERVED_BY_DEFAULT = "3000"


class Terminal:
    """Runs what a page tells its reader to type, in a folder of its own.

    The command that runs the server does so on a free port, and every address
    that names the page's port leads there. All other commands go to one shell.

    Args:
        folder: Where everything happens; relative files are there.
        has_curl: Use the machine's curl, not the stand-in beside this file.
    """

    def __init__(self, folder: Path, *, has_curl: bool) -> None:
        self._folder = folder
        self._environment = _environment(folder, has_curl=has_curl)
        self._shell = subprocess.Popen(
            ["sh"],
            cwd=folder,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._server: subprocess.Popen[str] | None = None
        self._ports: tuple[str, str] | None = None

    def run(self, command: str) -> str:
        """What a command prints; the server's start prints its first lines.

        Raises:
            AssertionError: The command fails, or nothing serves its address.
        """
        serve = SERVE.fullmatch(command)
        if serve:
            return self._serve(dict(re.findall(r"(\w+)=(\S+) ", serve[1])))
        command = ADDRESS.sub(self._real, command)
        return self._shown(self._typed(command))

    def close(self) -> None:
        """End the shell and the server."""
        self._stop()
        self._shell.communicate(timeout=30)

    def _typed(self, command: str) -> str:
        into, out = _pipes(self._shell)
        into.write(f"{command}\nprintf '\\n\\036%s\\036\\n' \"$?\"\n")
        into.flush()
        printed = ""
        while (line := out.readline())[:1] != "\N{INFORMATION SEPARATOR TWO}":
            assert line, f"the shell ended after {command!r}: {printed}"
            printed += line
        code = line.strip().strip("\N{INFORMATION SEPARATOR TWO}")
        assert code == "0", f"exit code {code} of {command!r}: {printed}"
        return printed.removesuffix("\n")

    def _serve(self, settings: Mapping[str, str]) -> str:
        self._stop()
        self._server = subprocess.Popen(
            [sys.executable, "-m", "examples.server"],
            cwd=self._folder,
            env={**self._environment, **settings, "HEALTHPAY_PORT": "0"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._server.stderr is not None
        said = self._server.stderr.readline()
        port = LISTENS.search(said)
        if port is None:
            return said + self._server.stderr.read()
        self._ports = settings.get("HEALTHPAY_PORT", SERVED_BY_DEFAULT), port[1]
        return self._shown(said + self._server.stderr.readline())

    def _stop(self) -> None:
        server, self._server, self._ports = self._server, None, None
        if server is not None:
            server.terminate()
            server.communicate(timeout=60)

    def _real(self, address: re.Match[str]) -> str:
        said = f"nothing serves {address[0]}"
        assert self._ports is not None, said
        assert address[1] == self._ports[0], said
        return f"127.0.0.1:{self._ports[1]}"

    def _shown(self, printed: str) -> str:
        """The page's port in place of the real one."""
        if self._ports is None:
            return printed
        return re.sub(rf":{self._ports[1]}\b", f":{self._ports[0]}", printed)


def _environment(folder: Path, *, has_curl: bool) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("HEALTHPAY_")}
    tools = folder.parent / f"{folder.name}-tools"
    if not has_curl:
        tools.mkdir()
        stand_in = tools / "curl"
        script = Path(__file__).with_name("curl.py")
        stand_in.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{script}" "$@"\n')
        stand_in.chmod(0o755)
    programs = Path(sys.executable).parent
    path = os.pathsep.join((str(tools), str(programs), os.environ["PATH"]))
    quick = {"HEALTHPAY_DRAIN_S": "0"}
    return {**kept, **quick, "PATH": path, "PYTHONPATH": str(ROOT)}


def _pipes(process: subprocess.Popen[str]) -> tuple[IO[str], IO[str]]:
    assert process.stdin is not None
    assert process.stdout is not None
    return process.stdin, process.stdout


def machine_has_curl() -> bool:
    """Whether curl is installed here."""
    return shutil.which("curl") is not None
