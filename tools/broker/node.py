"""One node of Apache Kafka: broker and controller in one process (KRaft)."""

from __future__ import annotations

import shutil
import signal
import subprocess
from pathlib import Path
from typing import Final

from tools.broker.errors import BrokerError
from tools.broker.jars import kafka_jars, program

_STOP_TIMEOUT_S: Final = 30.0
_TAIL_LINES: Final = 40


class Node:
    """A node's process and folder; it keeps its ports and data over restarts.

    Args:
        folder: Where its data and its log are.
        properties: Its `server.properties`.
        port: Where it listens to clients, on the loopback address.
        heap_mb: The size of its Java heap.
        outlives: Run on when this process ends, however it ends.
    """

    def __init__(
        self,
        folder: Path,
        properties: dict[str, str],
        *,
        port: int,
        heap_mb: int,
        outlives: bool = False,
    ) -> None:
        self.port: Final = port
        self._outlives = outlives
        self._folder = folder
        self._heap_mb = heap_mb
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True)
        text = "".join(f"{name}={value}\n" for name, value in properties.items())
        self._properties.write_text(text, encoding="utf-8")

    @property
    def pid(self) -> int:
        """The process's id.

        Raises:
            BrokerError: It is not running.
        """
        if self._process is None or self._process.poll() is not None:
            raise BrokerError(f"the node at port {self.port} is not running")
        return self._process.pid

    def is_running(self) -> bool:
        """Whether its process lives; a stopped (`SIGSTOP`) one does."""
        return self._process is not None and self._process.poll() is None

    def format(self, cluster_id: str) -> None:
        """Prepare its folder for its first start.

        Raises:
            BrokerError: The storage tool refuses; its output is in the text.
        """
        options = ("format", "-t", cluster_id, "-c", str(self._properties))
        done = subprocess.run(
            [*self._java("kafka.tools.StorageTool", 64), *options],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise BrokerError(f"the storage tool refuses:\n{done.stdout}{done.stderr}")

    def start(self) -> None:
        """Start its process; it is ready when an admin client says so."""
        assert not self.is_running(), "it is running"
        with self.log.open("ab") as log:
            # A session of its own: Ctrl-C is for the tests, which then stop it.
            java = self._java("kafka.Kafka", self._heap_mb)
            self._process = subprocess.Popen(
                [*self._bound(), *java, str(self._properties)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self) -> None:
        """End it at once (`SIGKILL`), as a loss of power would."""
        self._signal(signal.SIGKILL)
        self._wait()

    def pause(self) -> None:
        """Stop it where it stands (`SIGSTOP`): alive to the network, silent."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on after `pause` (`SIGCONT`)."""
        self._signal(signal.SIGCONT)

    def restart(self) -> None:
        """End it, when it runs, in good order, and start it again."""
        self.stop()
        self.start()

    def stop(self) -> None:
        """End it in good order; by force when it does not within 30 seconds."""
        if not self.is_running():
            return
        self._signal(signal.SIGCONT)
        self._signal(signal.SIGTERM)
        try:
            self._wait()
        except subprocess.TimeoutExpired:
            self.kill()

    def tail(self) -> str:
        """The end of its log."""
        if not self.log.is_file():
            return ""
        text = self.log.read_text(encoding="utf-8", errors="replace")
        return "\n".join(text.splitlines()[-_TAIL_LINES:])

    @property
    def log(self) -> Path:
        """The file of its log."""
        return self._folder / "server.log"

    @property
    def _properties(self) -> Path:
        return self._folder / "server.properties"

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None, "it was never started"
        self._process.send_signal(number)

    def _wait(self) -> None:
        assert self._process is not None
        self._process.wait(_STOP_TIMEOUT_S)

    def _bound(self) -> list[str]:
        """What makes the node end with this process, even one that is killed.

        Linux alone can do this; elsewhere a run that is killed leaves its broker.
        """
        setpriv = None if self._outlives else shutil.which("setpriv")
        return [] if setpriv is None else [setpriv, "--pdeathsig", "KILL"]

    def _java(self, main_class: str, heap_mb: int) -> list[str]:
        return [
            program("java", "to run Apache Kafka"),
            f"-Xms{heap_mb}m",
            f"-Xmx{heap_mb}m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-Xshare:auto",
            "-Dorg.slf4j.simpleLogger.showDateTime=true",
            "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
            "-cp",
            f"{kafka_jars()}/*",
            main_class,
        ]
