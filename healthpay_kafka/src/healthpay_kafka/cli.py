"""The command `healthpay-kafka`: topics, processors, dead letters."""

from __future__ import annotations

import argparse
import gc
import json
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from confluent_kafka import KafkaException

from healthpay_core import EG_2023_11, NO_LIMITS, Err, SystemClock
from healthpay_kafka.administration import TIMEOUT_S, check_topics, create_topics
from healthpay_kafka.deciding import Decider
from healthpay_kafka.faults import BrokerUnavailable
from healthpay_kafka.processor import Processor, TopicsRefused
from healthpay_kafka.reading import EndNotReached
from healthpay_kafka.replaying import REPLAYABLE_DAYS, dead_letters, send_again
from healthpay_kafka.restoring import Restored
from healthpay_kafka.topics import Topics
from healthpay_kafka.worker import ProcessorSettings

UNSAFE = 1
NO_BROKER = 3
_GARBAGE: Final = (50_000, 20, 20)
_POLICIES: Final = {"EG-2023-11": EG_2023_11, "none": NO_LIMITS}


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what was asked; the exit code says what went wrong.

    0: done. 1: the topics are not as they must be, and each fault is said. 2: the
    command is not understood. 3: the broker does not answer.
    """
    chosen = _parser().parse_args(arguments)
    run: Callable[[argparse.Namespace, Topics], int] = chosen.run
    topics = Topics(
        prefix=chosen.prefix,
        partitions=chosen.partitions,
        reply_partitions=chosen.reply_partitions,
        replication=chosen.replication,
        min_insync=chosen.min_insync,
    )
    try:
        return run(chosen, topics)
    except (KafkaException, EndNotReached, ConnectionError) as error:
        sys.stderr.write(f"no answer: {error}\n")
        return NO_BROKER


class JsonObserver:
    """Writes what a processor does to standard error, an object a line."""

    def committed(self, partition: int, commands: int, took_s: float) -> None:
        """Nothing is written of what happens all the time."""

    def restored(self, partition: int, restored: Restored) -> None:
        # What it holds from now on is garbage at no time: nobody need look.
        gc.freeze()
        _say(
            "partition taken over",
            partition=partition,
            next_offset=restored.next_offset,
            snapshots=restored.snapshots,
            entries=restored.entries,
            took_s=round(restored.took_s, 3),
            was_parked=restored.was_parked,
            removed=restored.removed,
        )

    def lost(self, partition: int, reason: str) -> None:
        _say("partition given up", partition=partition, reason=reason)

    def undone(self, partition: int, reason: str) -> None:
        _say("transaction undone", partition=partition, reason=reason)

    def unexpected(self, error_id: str, error: BaseException) -> None:
        _say("unexpected", error_id=error_id, error=f"{type(error).__name__}: {error}")


def _say(event: str, **facts: object) -> None:
    line = {"time": round(time.time(), 3), "event": event, **facts}
    sys.stderr.write(json.dumps(line) + "\n")
    sys.stderr.flush()


def _create(chosen: argparse.Namespace, topics: Topics) -> int:
    made = create_topics(chosen.bootstrap_servers, topics, timeout_s=TIMEOUT_S)
    if isinstance(made, Err):
        return _said(made.error)
    sys.stdout.write("".join(f"made {name}\n" for name in made.value))
    return _said_safe()


def _check(chosen: argparse.Namespace, topics: Topics) -> int:
    checked = check_topics(chosen.bootstrap_servers, topics, timeout_s=TIMEOUT_S)
    return _said(checked.error) if isinstance(checked, Err) else _said_safe()


def _process(chosen: argparse.Namespace, topics: Topics) -> int:
    """Run a processor until SIGTERM or Ctrl-C."""
    settings = ProcessorSettings(
        bootstrap_servers=chosen.bootstrap_servers,
        topics=topics,
        instance_id=chosen.instance_id,
        group_id=chosen.group_id,
        state_dir=chosen.state_dir,
    )
    decider = Decider(SystemClock(), _POLICIES[chosen.limit_policy])
    processor = Processor(settings, decider, observer=JsonObserver())
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: processor.stop())
    # A batch makes thousands of objects, and nearly all of them go without a collector.
    gc.set_threshold(*_GARBAGE)
    _say("processor starts", instance_id=chosen.instance_id, topics=topics.prefix)
    try:
        processor.run()
    except TopicsRefused as refused:
        return _said(refused.fault)
    _say("processor stopped", instance_id=chosen.instance_id)
    return 0


def _letters(chosen: argparse.Namespace, topics: Topics) -> int:
    if chosen.action == "replay":
        servers = chosen.bootstrap_servers
        done = send_again(servers, topics, after=chosen.after, is_quiet=chosen.quiet)
        sys.stdout.write(f"sent {done.sent} dead letters again\n")
        if done.too_old:
            text = f"left {done.too_old} that are older than {REPLAYABLE_DAYS} days\n"
            sys.stdout.write(text)
        if done.unplaceable:
            text = f"left {done.unplaceable} without a key or an original\n"
            sys.stdout.write(text)
        return 0
    for letter in dead_letters(chosen.bootstrap_servers, topics):
        size = len(letter.message.value() or b"")
        place = f"{letter.partition}/{letter.offset}"
        sys.stdout.write(f"{place}\t{size} bytes\t{letter.reason}\n")
    return 0


def _said_safe() -> int:
    sys.stdout.write("all topics are as they must be\n")
    return 0


def _said(fault: object) -> int:
    if isinstance(fault, BrokerUnavailable):
        sys.stderr.write(f"no answer: {fault.reason}\n")
        return NO_BROKER
    sys.stderr.write(f"{fault}\n")
    return UNSAFE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="healthpay-kafka", description=__doc__)
    common = _common()
    subjects = parser.add_subparsers(dest="subject", required=True)
    topics = subjects.add_parser("topics", help="make or check the topics")
    actions = topics.add_subparsers(dest="action", required=True)
    for name, run, text in (
        ("create", _create, "make those that are missing, then check all"),
        ("check", _check, "say what is not as it must be"),
    ):
        actions.add_parser(name, parents=[common], help=text).set_defaults(run=run)
    processor = subjects.add_parser(
        "processor", parents=[common], help="decide commands until it is stopped"
    )
    processor.set_defaults(run=_process)
    processor.add_argument(
        "--instance-id",
        default=socket.gethostname(),
        help="stable name of this process in its group (%(default)s)",
    )
    processor.add_argument(
        "--group-id", default="", help="<prefix of the topics>.processors if not said"
    )
    processor.add_argument(
        "--state-dir",
        type=Path,
        help="a folder of this instance alone, by which it starts again quickly",
    )
    processor.add_argument(
        "--limit-policy",
        choices=sorted(_POLICIES),
        default="EG-2023-11",
        help="the limits in force; the same in every processor (%(default)s)",
    )
    letters = subjects.add_parser("deadletters", help="list or replay dead letters")
    which = letters.add_subparsers(dest="action", required=True)
    which.add_parser("list", parents=[common]).set_defaults(run=_letters)
    replay = which.add_parser("replay", parents=[common])
    replay.set_defaults(run=_letters)
    replay.add_argument("--after", type=int, default=-1, help="only offsets above this")
    replay.add_argument("--quiet", action="store_true", help="no progress bar")
    return parser


def _common() -> argparse.ArgumentParser:
    usual = Topics()
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--bootstrap-servers", required=True, help="host:port, or several with commas"
    )
    common.add_argument("--prefix", default=usual.prefix)
    for name, help_text in (
        ("partitions", "of each topic; can never be changed"),
        ("reply_partitions", "of the replies; can never be changed"),
        ("replication", "copies of each partition"),
        ("min_insync", "copies that have a record before it is acknowledged"),
    ):
        common.add_argument(
            f"--{name.replace('_', '-')}",
            type=int,
            default=getattr(usual, name),
            help=f"{help_text} (%(default)s)",
        )
    return common
