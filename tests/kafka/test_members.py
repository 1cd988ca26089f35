"""Members of the group that come, go, and come back, under load."""

from __future__ import annotations

import time
from collections import Counter

import pytest

from healthpay_kafka.gateway import KafkaGateway
from tests.kafka.audit import audit
from tests.kafka.fleet import Fleet, Member
from tests.kafka.traffic import Traffic
from tests.kafka.waiting import wait_until


def test_one_three_two_under_load(
    fleet: Fleet, gateway: KafkaGateway, capsys: pytest.CaptureFixture[str]
) -> None:
    """R1, R4: whoever owns a partition, its commands are done once and in order."""
    traffic = Traffic(gateway, seed=5, clients=6)
    began: list[tuple[str, float]] = []
    members = {"one": fleet.start("one")}
    traffic.open()
    traffic.start()
    for name in ("two", "three"):
        began.append((f"{name} joins", time.monotonic()))
        members[name] = fleet.start(name)
        members[name].wait_for("restored")
        time.sleep(1.0)
    wait_until(
        lambda: _owners(members) == {"one": 1, "two": 1, "three": 1},
        "all three to have one partition each",
    )
    began.append(("two restarts", time.monotonic()))
    members["two"].stop()
    members["two"] = fleet.start("two")
    members["two"].wait_for("restored")
    time.sleep(1.0)
    began.append(("three leaves", time.monotonic()))
    members["three"].stop()
    wait_until(lambda: "three" not in _owners(members), "somebody to take over")
    members.pop("three")
    stood_still_s = time.monotonic() - began[-1][1]
    time.sleep(1.0)
    began.append(("rest", time.monotonic()))
    traffic.rest()
    for member in members.values():
        member.stop()
    books = audit(fleet.servers, fleet.topics, at_rest=True)
    books.check_outcomes(traffic.outcomes)
    pauses = traffic.pauses(began)
    with capsys.disabled():
        print(
            f"\nlongest time without any answer: {', '.join(pauses)}; the partition of"
            f" who left stood still for {stood_still_s:.1f} s"
        )


def test_a_partition_that_comes_back_is_not_read_anew(
    fleet: Fleet, gateway: KafkaGateway
) -> None:
    """R3, R4: its first owner has it parked, and reads what the other has added."""
    traffic = Traffic(gateway, seed=6, clients=4)
    first = fleet.start("one")
    traffic.open()
    traffic.start()
    first.wait_for("committed", 40)
    second = fleet.start("two")
    second.wait_for("restored")
    second.wait_for("committed", 5)
    before = len(first.reports("restored"))
    second.stop()
    first.wait_for("restored", before + 1)
    traffic.rest()
    first.stop()
    audit(fleet.servers, fleet.topics, at_rest=True).check_outcomes(traffic.outcomes)
    back = first.reports("restored")[before:]
    (taken,) = second.reports("restored")
    assert {report["partition"] for report in back} == {taken["partition"]}
    assert [report["was_parked"] for report in (taken, *back)] == [False, True]
    # What the second has written, or it was in vain.
    assert back[0]["entries"] > 0


def _owners(members: dict[str, Member]) -> dict[str, int]:
    """How many partitions each has: who restored one last has it."""
    last: dict[int, tuple[float, str]] = {}
    for name, member in members.items():
        for report in member.reports("restored"):
            this = (report["at"], name)
            last[report["partition"]] = max(last.get(report["partition"], this), this)
    return dict(Counter(name for _, name in last.values()))
