"""What the projection is told: `HEALTHPAY_*` variables, checked at the start."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Final, TypeAlias

import attrs

PREFIX: Final = "HEALTHPAY_"
Check: TypeAlias = Callable[[object, "attrs.Attribute[str]", str], None]
_LEVELS: Final = ("debug", "info", "warning", "error")


def _matches(pattern: str, wanted: str) -> Check:
    def check(_: object, attribute: attrs.Attribute[str], value: str) -> None:
        if re.fullmatch(pattern, value) is None:
            # The value is not shown: it may hold a password.
            raise ValueError(f"{variable(attribute.name)}: must be {wanted}")

    return check


@attrs.frozen(kw_only=True)
class Settings:
    """What the projection can be told; each is an environment variable.

    Attributes:
        bootstrap_servers: Where Kafka is: ``host:port``, or several with commas.
        postgres: The database, as a URL; its user may create schemas.
        topic_prefix: What the names of the topics begin with.
        view: The schema of the view; ``_next`` and ``_old`` behind it are used too.
        log_level: The least severe log line that is written.
        heartbeat: A file that is touched while all is well.
    """

    bootstrap_servers: str = attrs.field(
        default="127.0.0.1:9092",
        validator=_matches(r"[^\s,]+:\d+(,[^\s,]+:\d+)*", "host:port, or several"),
    )
    postgres: str = attrs.field(
        default="postgresql://127.0.0.1/healthpay",
        validator=_matches(r"postgres(ql)?://.+", "a URL postgresql://..."),
        repr=False,
    )
    topic_prefix: str = attrs.field(
        default="healthpay", validator=_matches(r"[\w.-]+", "letters, digits, . _ -")
    )
    view: str = attrs.field(
        default="healthpay",
        validator=_matches(r"[a-z][a-z0-9_]{0,50}", "a short name in lower case"),
    )
    log_level: str = attrs.field(
        default="info",
        validator=_matches("|".join(_LEVELS), f"one of {', '.join(_LEVELS)}"),
    )
    heartbeat: Path | None = attrs.field(
        default=None, converter=attrs.converters.optional(Path)
    )


class SettingsError(Exception):
    """The environment is not right; `problems` says everything that is wrong."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def load(environment: Mapping[str, str]) -> Settings:
    """The settings of this process.

    Raises:
        SettingsError: A variable has a wrong value, or a name nobody knows.
    """
    names = {variable(field.name): field.name for field in attrs.fields(Settings)}
    given = {k: v for k, v in environment.items() if k.startswith(PREFIX)}
    problems = list(_unknown(given, names))
    told = {names[k]: v for k, v in given.items() if k in names}
    for name, value in told.items():
        try:
            Settings(**{name: value})
        except ValueError as error:
            problems.append(str(error))
    if problems:
        raise SettingsError(tuple(problems))
    return Settings(**told)


def variable(setting: str) -> str:
    """The environment variable of a setting."""
    return PREFIX + setting.upper()


def _unknown(given: Mapping[str, str], names: Mapping[str, str]) -> Iterator[str]:
    for name in sorted(given.keys() - names.keys()):
        near = get_close_matches(name, names, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(names)}"
        yield f"{name}: is not a setting; {hint}"
