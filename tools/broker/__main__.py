"""A broker to try things on: `python -m tools.broker start|stop|status`.

One at a time for each user; it runs until it is stopped, and its data go with it.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from contextlib import suppress
from pathlib import Path
from typing import TypedDict, cast

import psutil

from tools.broker.broker import Broker
from tools.broker.errors import BrokerError
from tools.broker.jars import cache_folder

_STOP_TIMEOUT_S = 30.0


class Running(TypedDict):
    """What is remembered of the broker that was started."""

    bootstrap_servers: str
    folder: str
    pids: list[int]


def main(arguments: list[str]) -> int:
    """Do it; 1 when there is no broker in the end that was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tools.broker", description=__doc__)
    parser.add_argument("action", choices=("start", "stop", "status"))
    parser.add_argument("--nodes", type=int, choices=(1, 3), default=1)
    chosen = parser.parse_args(arguments)
    match chosen.action:
        case "start":
            return _start(chosen.nodes)
        case "stop":
            return _stop()
        case _:
            return _status()


def _start(nodes: int) -> int:
    if _processes():
        return _status()
    _forget()
    folder = cache_folder() / "broker"
    broker = Broker(nodes, folder=folder, outlives=True)
    try:
        broker.__enter__()
    except BrokerError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    known: Running = {
        "bootstrap_servers": broker.bootstrap_servers,
        "folder": str(folder),
        "pids": [node.pid for node in broker.nodes],
    }
    _memory().write_text(json.dumps(known), encoding="utf-8")
    return _status()


def _stop() -> int:
    found = _processes()
    for process in found:
        process.resume()
        process.terminate()
    _, alive = psutil.wait_procs(found, timeout=_STOP_TIMEOUT_S)
    for process in alive:
        process.kill()
    _forget()
    return 0


def _status() -> int:
    known, found = _known(), _processes()
    if known is None or not found:
        sys.stdout.write("no broker runs\n")
        return 1
    pids = ", ".join(str(process.pid) for process in found)
    sys.stdout.write(f"{known['bootstrap_servers']} (process {pids})\n")
    return 0


def _processes() -> list[psutil.Process]:
    """Those of the remembered processes that run and are still a broker of ours."""
    known = _known()
    if known is None:
        return []
    found = []
    for pid in known["pids"]:
        with suppress(psutil.Error):
            process = psutil.Process(pid)
            # The number may be another program's by now.
            if any(known["folder"] in word for word in process.cmdline()):
                found.append(process)
    return found


def _known() -> Running | None:
    try:
        return cast("Running", json.loads(_memory().read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return None


def _forget() -> None:
    _memory().unlink(missing_ok=True)
    shutil.rmtree(cache_folder() / "broker", ignore_errors=True)


def _memory() -> Path:
    return cache_folder() / "broker.json"


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
