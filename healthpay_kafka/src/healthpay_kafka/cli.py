"""The command `healthpay-kafka`: what operators do once, or before a start."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from healthpay_core import Err
from healthpay_kafka.administration import check_topics, create_topics
from healthpay_kafka.faults import BrokerUnavailable
from healthpay_kafka.topics import Topics

UNSAFE = 1
NO_BROKER = 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what was asked; the exit code says what went wrong.

    0: all topics are as they must be. 1: they are not, and each fault is said.
    2: the command is not understood. 3: the broker does not answer.
    """
    chosen = _parser().parse_args(arguments)
    topics = Topics(
        prefix=chosen.prefix,
        partitions=chosen.partitions,
        reply_partitions=chosen.reply_partitions,
        replication=chosen.replication,
        min_insync=chosen.min_insync,
    )
    if chosen.action == "create":
        made = create_topics(chosen.bootstrap_servers, topics)
        if not isinstance(made, Err):
            sys.stdout.write("".join(f"made {name}\n" for name in made.value))
            return _said_safe()
        return _said(made.error)
    checked = check_topics(chosen.bootstrap_servers, topics)
    return _said(checked.error) if isinstance(checked, Err) else _said_safe()


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
    usual = Topics()
    parser = argparse.ArgumentParser(prog="healthpay-kafka", description=__doc__)
    subjects = parser.add_subparsers(dest="subject", required=True)
    topics = subjects.add_parser("topics", help="make or check the topics")
    topics.add_argument("action", choices=("create", "check"))
    topics.add_argument(
        "--bootstrap-servers", required=True, help="host:port, or several with commas"
    )
    topics.add_argument("--prefix", default=usual.prefix)
    for name, help_text in (
        ("partitions", "of each topic; can never be changed"),
        ("reply_partitions", "of the replies; can never be changed"),
        ("replication", "copies of each partition"),
        ("min_insync", "copies that have a record before it is acknowledged"),
    ):
        topics.add_argument(
            f"--{name.replace('_', '-')}",
            type=int,
            default=getattr(usual, name),
            help=f"{help_text} (%(default)s)",
        )
    return parser
