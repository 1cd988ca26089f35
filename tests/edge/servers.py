"""The example's application in processes of the two servers that it is tested on."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.request import urlopen

from tests.simulation.driving import ROOT, ServerProcess
from tools.ports import free_ports

STARTS, START_S = 3, 60.0


class GranianProcess(ServerProcess):
    """The same application served by Granian; `url` is where it listens."""

    def __init__(self, store: Path | None, **settings: str) -> None:
        url = "memory:" if store is None else f"sqlite:///{store}"
        own = {
            "HEALTHPAY_STORE": url,
            "HEALTHPAY_LIMIT_POLICY": "none",
            "HEALTHPAY_LOG_LEVEL": "error",
            **settings,
        }
        inherited = {k: v for k, v in os.environ.items() if "HEALTHPAY_" not in k}
        options = ["--interface", "asgi", "--factory", "--no-ws"]
        # What the example's own server does by `HEALTHPAY_READ_TIMEOUT_S`, heads only.
        wait_ms = 1_000 * int(settings.get("HEALTHPAY_READ_TIMEOUT_S", "30"))
        options += ["--http1-header-read-timeout", str(wait_ms)]
        for _ in range(STARTS):
            self._start(options, {**inherited, **own})
            if self._answers():
                return
            # Somebody else may have taken the port that was free.
            self.stop()
        raise AssertionError("granian did not start")

    def _start(self, options: Sequence[str], environment: Mapping[str, str]) -> None:
        (port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen(
            [
                *(sys.executable, "-m", "granian", *options, "--port", str(port)),
                "examples.server.asgi:application",
            ],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def _answers(self) -> bool:
        until = time.monotonic() + START_S
        while time.monotonic() < until and self.process.poll() is None:
            try:
                with urlopen(self.url + "/livez", timeout=1):
                    return True
            except OSError:
                time.sleep(0.05)
        return False

    def __exit__(self, *_: object) -> None:
        # A kill would leave its worker behind.
        self.stop()


SERVERS: dict[str, type[ServerProcess]] = {
    "uvicorn": ServerProcess,
    "granian": GranianProcess,
}
