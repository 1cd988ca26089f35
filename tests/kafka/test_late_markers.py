"""End markers that arrive late on the wire, amid the next transaction."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from healthpay_core import Ok
from healthpay_kafka import GatewaySettings, KafkaGateway, Topics, create_topics
from tests.kafka.audit import audit
from tests.kafka.fleet import Fleet, Member
from tests.kafka.late_markers import REFUSED, LateMarkers, Way
from tests.kafka.traffic import Traffic
from tests.kafka.waiting import wait_until
from tools.broker import Broker

LATE = 12


@pytest.fixture(scope="module")
def proxied() -> Iterator[Broker]:
    """A broker that clients can be told to find at a proxy."""
    with Broker(proxied=True) as running:
        yield running


@pytest.mark.parametrize(
    ("way", "commits", "refused"),
    [("cut", True, False), ("twice", True, False), ("twice", False, True)],
    ids=["connection cut", "commit repeated", "abort repeated"],
)
def test_a_late_end_marker_is_harmless(
    proxied: Broker,
    topics: Topics,
    tmp_path: Path,
    way: Way,
    commits: bool,
    refused: bool,
    rounds: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """R1-R5: refused where it could lose something; else what it tears is mended."""
    servers = proxied.bootstrap_servers
    assert isinstance(create_topics(servers, topics), Ok)
    assert proxied.behind_proxy is not None
    told, behind = proxied.behind_proxy[1], proxied.behind_proxy[0]
    settings = GatewaySettings(bootstrap_servers=servers, topics=topics, timeout_s=1.0)
    with (
        LateMarkers(told, behind, way=way, commits=commits) as proxy,
        Fleet(proxy.servers, topics, tmp_path) as fleet,
        KafkaGateway(settings) as gateway,
    ):
        member = fleet.start(abort_every=0 if commits else 4, abort_at="commit")
        traffic = Traffic(gateway, seed=20 + rounds)
        traffic.open()
        proxy.holds = True
        traffic.start()
        wait_until(
            lambda: len(proxy.codes) >= LATE * rounds,
            "late markers",
            timeout_s=120.0 * rounds,
        )
        # Who asks once a second could else meet a late marker each time, for ever.
        proxy.holds = False
        traffic.rest()
        lost = _reasons(member)
        member.stop()
        codes = proxy.codes
    # What the last marker tore is done again by whoever comes next.
    with (
        Fleet(servers, topics, tmp_path / "after") as fleet,
        KafkaGateway(settings) as gateway,
    ):
        (tmp_path / "after").mkdir()
        member = fleet.start()
        traffic.rest_at(gateway)
        member.stop()
    books = audit(servers, topics, at_rest=True)
    books.check_outcomes(traffic.outcomes)
    if refused:
        assert set(codes) <= REFUSED, codes
    else:
        # Else nothing was torn, and nothing proved.
        assert 0 in codes
    with capsys.disabled():
        print(
            f"\n{len(codes)} late end markers, {codes.count(0)} of them taken by the"
            f" broker: {len(traffic.sent)} commands, {len(books.events)} events,"
            f" {books.repeated} records written again, partitions restored: {lost}"
        )


def _reasons(member: Member) -> dict[str, int]:
    """How often a partition was given up, by the code of the first fault, or why."""
    reasons = [report["reason"] for report in member.reports("lost")]
    codes = [re.search(r"code=(\w+)", text) for text in reasons]
    named = zip(codes, reasons, strict=True)
    return dict(Counter(text if code is None else code[1] for code, text in named))
