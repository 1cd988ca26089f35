"""The pages that run on a broker do what they say, on a real one."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from healthpay_core import Code, CommandRequest, Rejected
from healthpay_core.ids import new_id
from healthpay_core.testing import deposit, request, wallet_id
from healthpay_kafka import GatewaySettings, KafkaGateway, Topics, partition_of
from tests.docs.reading import Reader
from tests.docs.session import Terminal
from tests.docs.test_pages import ON_A_BROKER
from tests.kafka.waiting import wait_until
from tools.broker import Broker

SHOWN = "localhost:9092"
STOP = re.compile(r'pkill -TERM -f "instance-id (\S+)"')


class KafkaTerminal(Terminal):
    """A terminal where `localhost:9092` is a broker, and programs run behind it.

    Args:
        folder: Where everything happens.
        broker: The broker's address.
        prefix: What the topics' names begin with, for `healthpay`.
    """

    def __init__(self, folder: Path, broker: str, prefix: str) -> None:
        super().__init__(folder, has_curl=False)
        self._broker, self._prefix = broker, prefix
        self._programs: list[subprocess.Popen[bytes]] = []

    def run(self, command: str) -> str:
        """As a reader's terminal does."""
        if command.startswith("pip install "):
            return ""
        if STOP.fullmatch(command):
            self._end_programs()
            return ""
        if command.startswith("HEALTHPAY_"):
            command = command.replace("'", "")
        command = command.replace(f"{SHOWN}/healthpay?", f"{SHOWN}/{self._prefix}?")
        command = command.replace("healthpay.events.", f"{self._prefix}.events.")
        command = command.replace(SHOWN, self._broker)
        command = re.sub(r"^python ", f"{sys.executable} ", command)
        command = re.sub(
            r"healthpay-kafka ((?:topics|deadletters) \w+|processor)",
            rf"{sys.executable} -m healthpay_kafka \1 --prefix {self._prefix}",
            command,
        )
        if command.endswith("&"):
            self._programs.append(
                subprocess.Popen(
                    ["sh", "-c", "exec " + command.removesuffix("&")],
                    cwd=self._folder,
                    env=self._environment,
                )
            )
            if " processor " in command:
                self._await_processor()
            return ""
        printed = super().run(command)
        return printed.replace(self._broker, SHOWN).replace(self._prefix, "healthpay")

    def close(self) -> None:
        """End everything."""
        self._end_programs()
        super().close()

    def _await_processor(self) -> None:
        """A reader types more slowly than a processor starts, on any machine."""
        topics = Topics(prefix=self._prefix, replication=1, min_insync=1)
        settings = GatewaySettings(
            bootstrap_servers=self._broker,
            topics=topics,
            reply_partition=topics.reply_partitions - 1,
            timeout_s=2.0,
        )
        names = map(wallet_id, map(str, range(1_000)))
        wallets = {partition_of(wallet, topics.partitions): wallet for wallet in names}
        assert len(wallets) == topics.partitions
        with KafkaGateway(settings) as gateway:
            for nobodys in wallets.values():
                asked = request(deposit(nobodys, 1))
                is_served = partial(_is_refused, gateway, asked)
                wait_until(is_served, "a partition is served", timeout_s=120)

    def _end_programs(self) -> None:
        for program in self._programs:
            program.terminate()
        for program in self._programs:
            assert program.wait(timeout=60) == 0
        self._programs = []

    def _real(self, address: re.Match[str]) -> str:
        if self._broker.endswith(":" + address[1]):
            return address[0]
        return super()._real(address)


def _is_refused(gateway: KafkaGateway, asked: CommandRequest) -> bool:
    outcome = gateway.execute(asked)
    if not isinstance(outcome, Rejected):
        return False
    return outcome.error.code is Code.WALLET_NOT_FOUND


@pytest.fixture
def terminal(
    tmp_path: Path, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> Iterator[KafkaTerminal]:
    """A terminal in an empty folder, with a broker."""
    place = tmp_path / "reader"
    place.mkdir()
    monkeypatch.chdir(place)
    prefix = f"page-{new_id()[:8]}"
    opened = KafkaTerminal(place, broker.bootstrap_servers, prefix)
    with closing(opened):
        yield opened


@pytest.mark.parametrize("page", sorted(ON_A_BROKER), ids=lambda page: page.stem)
def test_the_page_runs_on_a_broker(page: Path, terminal: KafkaTerminal) -> None:
    """V7, I4: topics, programs, servers and what they answer: as the page says."""
    Reader(terminal).read(str(page))
