"""The server's settings: `HEALTHPAY_*`, checked at start, every fault at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal, TypeAlias, TypeVar, cast

import attrs
import typed_settings
from typed_settings.types import OptionList, SettingsClass, SettingsDict

from examples.server import parsing
from examples.server.parsing import KafkaRelay, MemoryStore, SqliteStore, Store
from healthpay_core import EG_2023_11, LimitPolicy

PREFIX: Final = "HEALTHPAY_"
LogLevel: TypeAlias = Literal["debug", "info", "warning", "error"]
DEFAULT_STORE: Final = SqliteStore(path=Path("healthpay.db"))
T = TypeVar("T")


@attrs.frozen(kw_only=True)
class Settings:
    """What the server can be told; each is an environment variable.

    Attributes:
        host: Where to listen; a loopback address, for there is no authentication.
        port: Where to listen; 0 takes a free one.
        store: Where events are kept.
        read_model: On Kafka, where what queries are answered from is kept.
        reply_partition: On Kafka, where this server's answers come; one of its own.
        synchronous: `FULL`: acknowledged means on disk. `NORMAL` may lose the
            last commits when the machine loses power.
        limit_policy: The limits in force.
        relay: Where events are published to, besides: a Kafka cluster, with the
            topics said as for the store. Needs a store in a file.
        relay_max_lag_s: How old the oldest event that is not published may be before
            readiness says 503.
        log_level: The least severe log line that is written.
        max_body_bytes: The longest body of a command.
        max_in_flight: Commands being decided at once; more are answered 503.
        drain_s: How long readiness says 503 before the server stops to listen.
        stop_timeout_s: How long requests in flight may take after that.
        sweep_every_s: How often expired authorisations and cards are looked for.
        keep_alive_s: How long an idle connection stays; more than the proxy's.
        read_timeout_s: How long a request may take to come, head and body.
    """

    host: str = "127.0.0.1"
    port: int = 3000
    store: Store = DEFAULT_STORE
    read_model: SqliteStore | MemoryStore = MemoryStore()  # noqa: RUF009 - frozen
    reply_partition: int = 0
    synchronous: Literal["FULL", "NORMAL"] = "FULL"
    limit_policy: LimitPolicy = EG_2023_11
    relay: KafkaRelay | None = None
    relay_max_lag_s: int = 60
    log_level: LogLevel = "info"
    max_body_bytes: int = 65_536
    max_in_flight: int = 1_024
    drain_s: int = 1
    stop_timeout_s: int = 30
    sweep_every_s: int = 30
    keep_alive_s: int = 75
    read_timeout_s: int = 30


PARSERS: Final[Mapping[str, Callable[[str], object]]] = MappingProxyType(
    {
        "host": parsing.loopback_host,
        "port": parsing.integer(0, 65_535),
        "store": parsing.store,
        "read_model": parsing.read_model,
        "reply_partition": parsing.integer(0, 9_999),
        "synchronous": parsing.one_of("FULL", "NORMAL"),
        "limit_policy": parsing.limit_policy,
        "relay": parsing.relay,
        "relay_max_lag_s": parsing.integer(1, 86_400),
        "log_level": parsing.one_of("debug", "info", "warning", "error"),
        "max_body_bytes": parsing.integer(1, 100_000_000),
        "max_in_flight": parsing.integer(1, 1_000_000),
        "drain_s": parsing.integer(0, 600),
        "stop_timeout_s": parsing.integer(1, 3_600),
        "sweep_every_s": parsing.integer(1, 86_400),
        "keep_alive_s": parsing.integer(1, 3_600),
        "read_timeout_s": parsing.integer(1, 3_600),
    }
)
"""How the text of each variable becomes a setting."""


class SettingsError(Exception):
    """The environment is not right; `problems` says everything that is wrong."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def load() -> Settings:
    """The settings of this process.

    Raises:
        SettingsError: A variable has a wrong value, or a name nobody knows; or
            there is a relay, and the store is not in a file.
    """
    settings = typed_settings.load_settings(
        Settings,
        [typed_settings.EnvLoader(PREFIX)],
        processors=[_parse_all],
        converter=_AsParsed(),
    )
    if settings.relay is not None and not isinstance(settings.store, SqliteStore):
        # In memory, the next start would publish over the events of this one.
        name = variable("relay")
        raise SettingsError((f"{name}: needs HEALTHPAY_STORE=sqlite:///FILE",))
    return settings


def _parse_all(
    settings_dict: SettingsDict, settings_cls: SettingsClass, options: OptionList
) -> SettingsDict:
    """A step of typed-settings that stops only after it has seen everything."""
    del settings_cls  # The protocol's parameter; there is one class.
    problems = list(_unknown({option.name for option in options}))
    for option in options:
        name = variable(option.name)
        if name not in os.environ:
            continue
        try:
            settings_dict[option.name] = PARSERS[option.name](os.environ[name])
        except ValueError as error:
            problems += [f"{name}: {line}" for line in str(error).splitlines()]
    if problems:
        raise SettingsError(tuple(problems))
    return settings_dict


def variable(setting: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + setting.upper()


def _unknown(settings: set[str]) -> Iterator[str]:
    known = sorted(variable(setting) for setting in settings)
    for name in sorted(os.environ):
        if name.startswith(PREFIX) and name not in known:
            # Its value is never shown: it may be a secret of somebody else.
            near = get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
            yield f"{name}: is not a setting; {hint}"


class _AsParsed:
    """Takes what `_parse_all` made as it is; typed-settings wants a converter."""

    def structure(self, value: object, kind: type[T]) -> T:
        if kind is Settings and isinstance(value, dict):
            return kind(**value)
        return cast("T", value)

    def get_structure_hook(self, kind: type[T]) -> Callable[[object, type[T]], T]:
        raise LookupError(kind)
