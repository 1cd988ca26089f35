"""A processor that is given a folder starts again without reading a month."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from healthpay_core.testing import opened, request, wallet_id
from healthpay_kafka.gateway import KafkaGateway
from healthpay_kafka.reading import PartitionReader
from tests.kafka.audit import audit
from tests.kafka.fleet import Fleet, Member
from tests.kafka.traffic import Traffic


def test_a_restart_reads_only_what_is_new(
    fleet: Fleet, gateway: KafkaGateway, tmp_path: Path
) -> None:
    """I4, R3, R4: ids are known from the folder; after a kill, after its loss too."""
    traffic = Traffic(gateway, seed=4, clients=4)
    folder = tmp_path / "state"
    member = fleet.start(state_dir=folder, checkpoint_every=3)
    traffic.open()
    traffic.start()
    member.wait_for("committed", 60)
    member.kill()
    killed = fleet.start(state_dir=folder, checkpoint_every=3)
    traffic.rest()
    # One after the other: behind the last checkpoints there are a few entries only.
    for number in range(12):
        for command in opened(wallet_id(f"behind/{number}")):
            traffic.insist(request(command))
    killed.stop()
    again = fleet.start(state_dir=folder)
    traffic.rest()
    again.stop()
    for file in folder.iterdir():
        file.unlink()
    lost = fleet.start(state_dir=folder)
    traffic.rest()
    lost.stop()
    books = audit(fleet.servers, fleet.topics, at_rest=True)
    books.check_outcomes(traffic.outcomes)
    # All of the journal, or what a few batches have left.
    assert _read(lost, fleet) >= len(traffic.sent)
    assert _read(again, fleet) < _read(lost, fleet) / 3


def _read(member: Member, fleet: Fleet) -> int:
    """How many entries of the journals it read when it began."""
    reports = member.reports("restored")[: fleet.topics.partitions]
    return sum(report["entries"] for report in reports)


def test_a_topic_has_an_id_of_its_own(fleet: Fleet) -> None:
    """I4: by it a topic that was made again under its name is known for another."""
    with closing(PartitionReader(fleet.servers)) as reader:
        ids = [reader.topic_id(spec.name) for spec in fleet.topics.specs()]
    assert all(ids)
    assert len(set(ids)) == len(ids) > 1
