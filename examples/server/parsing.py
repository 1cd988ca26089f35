"""Texts of the environment to settings; a `ValueError` says what is wrong."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

import attrs

from healthpay_core import EG_2023_11, NO_LIMITS, Err, LimitPolicy
from healthpay_core.currency import MINOR_UNIT_DIGITS
from healthpay_core.policy import KycLevel, Limits, PolicyRef, WalletType
from healthpay_core.refusals import ValidationFailed
from healthpay_kafka import Topics
from healthpay_wire.strict import structure

POLICIES: Final = {"EG-2023-11": EG_2023_11, "none": NO_LIMITS}
_SERVERS: Final = re.compile(r"[\w.\-]+:[0-9]{1,5}(,[\w.\-]+:[0-9]{1,5})*")
_PREFIX: Final = re.compile(r"[a-zA-Z0-9._-]{1,200}")
_TOPIC_NUMBERS: Final = ("partitions", "reply_partitions", "replication", "min_insync")
_USER_INFO: Final = re.compile(r":.*@")


@attrs.frozen(kw_only=True)
class SqliteStore:
    """Events in an SQLite file."""

    path: Path

    def __str__(self) -> str:
        return f"sqlite:///{self.path}"


@attrs.frozen(kw_only=True)
class MemoryStore:
    """Events in memory; gone with the process."""

    def __str__(self) -> str:
        return "memory:"


@attrs.frozen(kw_only=True)
class KafkaStore:
    """Kafka is the record; processors decide, and this server asks them.

    Attributes:
        servers: ``host:port``, or several with commas between.
        topics: Their names and counts.
    """

    servers: str
    topics: Topics

    def __str__(self) -> str:
        return f"kafka://{self.servers}/{self.topics.prefix}"


@attrs.frozen(kw_only=True)
class KafkaRelay:
    """What a store in a file holds is published to Kafka, besides.

    Attributes:
        servers: ``host:port``, or several with commas between.
        topics: Their names and counts.
    """

    servers: str
    topics: Topics

    def __str__(self) -> str:
        return f"kafka://{self.servers}/{self.topics.prefix}"


Store = SqliteStore | MemoryStore | KafkaStore


def _not_negative(
    _: object, attribute: attrs.Attribute[int | None], value: int | None
) -> None:
    if value is not None and value < 0:
        raise ValueError(f"must be at least 0, not {value}")


def _iso_code(_: object, attribute: attrs.Attribute[str], value: str) -> None:
    if value not in MINOR_UNIT_DIGITS:
        raise ValueError(f"must be an ISO 4217 code, not {value!r}")


@attrs.frozen(kw_only=True)
class PolicyRow:
    """One row of a policy file; what is left out is unlimited."""

    wallet_type: WalletType
    kyc_level: KycLevel
    currency: str = attrs.field(validator=_iso_code)
    per_transaction: int | None = attrs.field(default=None, validator=_not_negative)
    per_day: int | None = attrs.field(default=None, validator=_not_negative)
    per_month: int | None = attrs.field(default=None, validator=_not_negative)
    daily_count: int | None = attrs.field(default=None, validator=_not_negative)
    monthly_count: int | None = attrs.field(default=None, validator=_not_negative)
    max_balance: int | None = attrs.field(default=None, validator=_not_negative)


@attrs.frozen(kw_only=True)
class PolicyFile:
    """A limit policy as a file holds it; members are camelCase."""

    id: str
    version: int
    unique_references: bool = False
    rows: tuple[PolicyRow, ...] = ()


def integer(least: int, most: int) -> Callable[[str], int]:
    """A parser of decimal integers of a range."""

    def parse(text: str) -> int:
        if re.fullmatch(r"[0-9]{1,9}", text) and least <= int(text) <= most:
            return int(text)
        raise ValueError(f"must be an integer from {least} to {most}, not {text!r}")

    return parse


def one_of(*choices: str) -> Callable[[str], str]:
    """A parser of a few words, in whatever case."""
    by_folded = {choice.casefold(): choice for choice in choices}

    def parse(text: str) -> str:
        if text.casefold() in by_folded:
            return by_folded[text.casefold()]
        raise ValueError(f"must be one of {', '.join(choices)}, not {text!r}")

    return parse


def loopback_host(text: str) -> str:
    """An address that only this machine reaches."""
    try:
        is_loopback = text == "localhost" or ip_address(text).is_loopback
    except ValueError:
        is_loopback = False
    if is_loopback:
        return text
    raise ValueError(
        "must be a loopback address such as 127.0.0.1: the server has no"
        f" authentication yet and would let anybody in on {text!r}"
    )


def store(text: str) -> Store:
    """Where events are kept, as a URL."""
    if text == "memory:":
        return MemoryStore()
    if text.startswith("kafka://"):
        return _kafka(text)
    path = unquote(text.removeprefix("sqlite:///"))
    if text.startswith("sqlite:///") and path and not path.startswith(":"):
        return SqliteStore(path=Path(path))
    shown = _USER_INFO.sub("://***@", text)
    raise ValueError(
        f"must be sqlite:///FILE, kafka://HOST:PORT or memory:, not {shown!r}"
    )


def read_model(text: str) -> SqliteStore | MemoryStore:
    """Where a server on Kafka keeps what it answers queries from, as a URL."""
    parsed = store(text)
    if isinstance(parsed, KafkaStore):
        raise ValueError("must be sqlite:///FILE or memory:")
    return parsed


def _kafka(text: str) -> KafkaStore:
    """``kafka://HOST:PORT[,HOST:PORT][/PREFIX][?partitions=12&replication=3…]``."""
    url = urlsplit(text)
    servers, prefix = url.netloc, url.path.strip("/") or "healthpay"
    if not _SERVERS.fullmatch(servers):
        shown = _USER_INFO.sub("://***@", text)
        raise ValueError(f"must name HOST:PORT after kafka://, not {shown!r}")
    given = parse_qsl(url.query, keep_blank_values=True)
    unknown = sorted({name for name, _ in given} - set(_TOPIC_NUMBERS))
    if unknown:
        known = ", ".join(_TOPIC_NUMBERS)
        raise ValueError(f"knows the parameters {known}; not {', '.join(unknown)}")
    if not _PREFIX.fullmatch(prefix):
        raise ValueError(f"a prefix is letters, digits, . _ -, not {prefix!r}")
    numbers = {name: integer(1, 10_000)(value) for name, value in given}
    return KafkaStore(servers=servers, topics=Topics(prefix=prefix, **numbers))


def relay(text: str) -> KafkaRelay | None:
    """Where events are published to, as a URL; ``none`` for nowhere."""
    if text == "none":
        return None
    if not text.startswith("kafka:"):
        shown = _USER_INFO.sub("://***@", text)
        raise ValueError(f"must be none or kafka://HOST:PORT, not {shown!r}")
    place = _kafka(text)
    return KafkaRelay(servers=place.servers, topics=place.topics)


def limit_policy(text: str) -> LimitPolicy:
    """A policy by its name, or from a JSON or TOML file."""
    if text in POLICIES:
        return POLICIES[text]
    path = Path(text)
    if path.suffix not in (".json", ".toml"):
        known = ", ".join(POLICIES)
        raise ValueError(f"must be {known} or a .json or .toml file, not {text!r}")
    parsed = structure(PolicyFile, _members_of(path))
    if isinstance(parsed, Err):
        raise _faulty(path, parsed.error)
    return _policy(parsed.value)


def _faulty(path: Path, error: ValidationFailed) -> ValueError:
    return ValueError(
        "\n".join(f"{path}: {p.pointer} {p.detail}" for p in error.errors)
    )


def _members_of(path: Path) -> object:
    try:
        content = path.read_text(encoding="utf-8")
        parsed: object = (
            json.loads(content) if path.suffix == ".json" else tomllib.loads(content)
        )
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise ValueError(f"{path}: is not {path.suffix[1:].upper()}: {error}") from None
    return parsed


def _policy(file: PolicyFile) -> LimitPolicy:
    amounts = [a for a in attrs.fields_dict(PolicyRow) if hasattr(Limits, a)]
    rows = {
        (row.wallet_type, row.kyc_level, row.currency): Limits(
            **{name: getattr(row, name) for name in amounts}
        )
        for row in file.rows
    }
    if len(rows) < len(file.rows):
        raise ValueError("the policy file has two rows of one kind of wallet")
    return LimitPolicy(
        ref=PolicyRef(id=file.id, version=file.version),
        rows=rows,
        unique_references=file.unique_references,
    )
