"""Topics: made as they must be, and refused when they are not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from confluent_kafka import cimpl
from confluent_kafka.admin import AdminClient

from healthpay_core import Err, Ok
from healthpay_kafka import (
    BrokerCheck,
    BrokerUnavailable,
    Topics,
    UnsafeTopics,
    check_topics,
    create_topics,
)
from healthpay_kafka.cli import main
from tools.broker import Broker

ALL = {
    "commands",
    "events.wallet",
    "events.transfer",
    "events.payment",
    "events.medcard",
    "journal",
    "snapshots",
    "replies",
    "deadletter",
}
FOR_EVER = {"retention.ms": "-1", "retention.bytes": "-1"}


def faults_of(broker: Broker, topics: Topics) -> list[tuple[str, str, str]]:
    """Topic without its prefix, setting and what it is, for each fault."""
    checked = check_topics(broker.bootstrap_servers, topics)
    assert isinstance(checked, Err)
    assert isinstance(checked.error, UnsafeTopics), checked
    return [
        (fault.topic.removeprefix(topics.prefix + "."), fault.setting, fault.found)
        for fault in checked.error.faults
    ]


def make(broker: Broker, name: str, partitions: int, configs: dict[str, str]) -> None:
    """Make one topic as somebody who does not know better would."""
    admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers})
    wanted = cimpl.NewTopic(name, partitions, 1, config=configs)
    for future in admin.create_topics([wanted]).values():
        future.result(15)


def test_names() -> None:
    """The names of the specification, under whatever prefix."""
    topics = Topics()
    specs = topics.specs()
    assert {spec.name.removeprefix("healthpay.") for spec in specs} == ALL
    assert topics.events_of("medcard") == topics.events_medcard
    assert topics.events == (
        topics.events_wallet,
        topics.events_transfer,
        topics.events_payment,
        topics.events_medcard,
    )
    counts = {spec.name: spec.partitions for spec in specs}
    assert counts.pop(topics.replies) == 32
    assert set(counts.values()) == {12}
    assert Topics(prefix="clinic").commands == "clinic.commands"


@pytest.mark.parametrize(
    "numbers",
    [
        {"partitions": 0},
        {"reply_partitions": 0},
        {"min_insync": 0},
        {"replication": 1},
    ],
)
def test_numbers_of_no_topics_are_refused(numbers: dict[str, int]) -> None:
    """A count below one, or more copies in sync than there are, is a mistake."""
    with pytest.raises(ValueError, match="not the numbers"):
        Topics(**numbers)  # type: ignore[arg-type]  # a prefix is not among them


def test_made_topics_are_as_they_must_be(broker: Broker, topics: Topics) -> None:
    """Made once, they pass; made again, nothing is made."""
    made = create_topics(broker.bootstrap_servers, topics)
    assert isinstance(made, Ok)
    assert {name.removeprefix(topics.prefix + ".") for name in made.value} == ALL
    assert check_topics(broker.bootstrap_servers, topics) == Ok(None)
    assert create_topics(broker.bootstrap_servers, topics) == Ok(())


def test_missing_topics_are_named(broker: Broker, topics: Topics) -> None:
    """A check makes nothing: it says what is missing."""
    assert faults_of(broker, topics) == [
        (spec.name.removeprefix(topics.prefix + "."), "topic", "")
        for spec in topics.specs()
    ]


def test_only_those_that_matter_are_checked(broker: Broker, topics: Topics) -> None:
    """A relay needs the topics of events, and says nothing of any other."""
    answer = check_topics(broker.bootstrap_servers, topics, only=topics.events)
    assert isinstance(answer, Err)
    assert isinstance(answer.error, UnsafeTopics)
    assert tuple(fault.topic for fault in answer.error.faults) == topics.events


@pytest.mark.parametrize("partitions", [2, 4])
def test_another_partition_count_is_refused(
    broker: Broker, made_topics: Topics, partitions: int
) -> None:
    """B3, R1: with another count, an aggregate would have two writers."""
    other = replace(made_topics, partitions=partitions)
    found = faults_of(broker, other)
    assert ("commands", "partitions", "3") in found
    assert {setting for _, setting, _ in found} == {"partitions"}
    assert isinstance(create_topics(broker.bootstrap_servers, other), Err)


def test_too_few_copies_are_refused(broker: Broker, made_topics: Topics) -> None:
    """What one broker's loss would lose is said of every topic."""
    wanted = replace(made_topics, replication=3, min_insync=2)
    found = faults_of(broker, wanted)
    for name in ALL:
        assert (name, "replication", "1") in found
        assert (name, "min.insync.replicas", "1") in found


@pytest.mark.parametrize(
    ("topic", "configs", "setting", "value"),
    [
        ("events.wallet", {}, "retention.ms", "604800000"),
        ("deadletter", {"retention.ms": "-1", "retention.bytes": "9"}, "", ""),
        ("events.payment", {**FOR_EVER, "cleanup.policy": "compact"}, "", ""),
        ("events.payment", {**FOR_EVER, "cleanup.policy": "compact,delete"}, "", ""),
        ("snapshots", {"cleanup.policy": "delete"}, "", ""),
        (
            "events.medcard",
            {**FOR_EVER, "unclean.leader.election.enable": "true"},
            "unclean.leader.election.enable",
            "true",
        ),
        ("commands", {"retention.ms": "604799999"}, "retention.ms", "604799999"),
        ("commands", {"retention.bytes": "1000000"}, "retention.bytes", "1000000"),
        ("commands", {}, "message.timestamp.type", "CreateTime"),
    ],
)
def test_unsafe_settings_are_refused(
    broker: Broker,
    topics: Topics,
    topic: str,
    configs: dict[str, str],
    setting: str,
    value: str,
) -> None:
    """Each setting that could lose or reorder records is found, and never mended."""
    make(broker, f"{topics.prefix}.{topic}", 3, configs)
    setting, value = (setting, value) if setting else configs.copy().popitem()
    refused = create_topics(broker.bootstrap_servers, topics)
    assert isinstance(refused, Err)
    assert isinstance(refused.error, UnsafeTopics)
    assert (topic, setting, value) in faults_of(broker, topics)
    assert all(fault.topic.endswith(topic) for fault in refused.error.faults)
    assert f"{setting} is {value}, must be" in str(refused.error)


def test_longer_retention_is_safe(broker: Broker, topics: Topics) -> None:
    """Commands and replies may be kept longer than they must be."""
    stamped = {"message.timestamp.type": "LogAppendTime"}
    for name, configs in (
        (topics.commands, {**stamped, **FOR_EVER}),
        (topics.replies, {"retention.ms": "7200000"}),
    ):
        count = 4 if name == topics.replies else 3
        make(broker, name, count, configs)
    assert isinstance(create_topics(broker.bootstrap_servers, topics), Ok)


def test_no_broker_is_a_value(topics: Topics) -> None:
    """Where nobody listens, the answer is that, and not an exception."""
    for act in (create_topics, check_topics):
        answer = act("127.0.0.1:9", topics, timeout_s=0.3)
        assert isinstance(answer, Err)
        assert isinstance(answer.error, BrokerUnavailable)
        assert answer.error.reason


def test_the_command_makes_and_checks(
    broker: Broker, topics: Topics, capsys: pytest.CaptureFixture[str]
) -> None:
    """Operators read what was made, every fault, and an exit code."""

    def run(action: str, *options: str) -> tuple[int, str, str]:
        numbers = ("--partitions=3", "--replication=1", "--min-insync=1")
        where = f"--bootstrap-servers={broker.bootstrap_servers}"
        named = f"--prefix={topics.prefix}"
        code = main(["topics", action, where, named, *numbers, *options])
        said = capsys.readouterr()
        return code, said.out, said.err

    code, _, err = run("check")
    assert code == 1
    assert err.count("topic is missing, must be there") == len(ALL)
    code, out, _ = run("create")
    assert code == 0
    assert out.count("made ") == len(ALL)
    assert run("check") == (0, "all topics are as they must be\n", "")
    code, _, err = run("check", "--partitions=5")
    assert code == 1
    assert "partitions is 3, must be 5" in err


def test_the_command_says_that_nobody_answers(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No broker is another exit code than unsafe topics."""
    monkeypatch.setattr("healthpay_kafka.cli.TIMEOUT_S", 0.3)
    nowhere = "--bootstrap-servers=127.0.0.1:9"
    assert main(["topics", "check", nowhere]) == 3
    assert main(["processor", "--instance-id=one", nowhere]) == 3
    assert "no answer" in capsys.readouterr().err


def test_any_number_of_partitions_can_be_had(
    broker: Broker, make_topics: Callable[[int], Topics]
) -> None:
    """Other counts are safe too, as long as they stay."""
    assert check_topics(broker.bootstrap_servers, make_topics(5)) == Ok(None)


def test_whether_a_broker_answers(broker: Broker) -> None:
    """H8: a health page asks this; it says why not."""
    assert BrokerCheck(broker.bootstrap_servers, timeout_s=10)() is None
    assert BrokerCheck("127.0.0.1:9", timeout_s=0.3)()
