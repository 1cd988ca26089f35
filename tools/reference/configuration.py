"""`configuration.md`: what the example server can be told."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

import attrs

from examples.server.parsing import PolicyFile, PolicyRow
from examples.server.settings import PARSERS, Settings, variable
from healthpay_core import LimitPolicy
from healthpay_wire.names import camel
from tools.reference import markdown as md

INTRODUCTION = """
The example server is told what to do by environment variables. It reads them once, at
its start. If a value is wrong, or a name that begins with `HEALTHPAY_` is not known, it
says everything that is wrong at once and does not start.
"""
POLICY_FILE = """
`HEALTHPAY_LIMIT_POLICY` may name a file, in JSON or TOML. Its members are camelCase.
Amounts are integers in minor units. What is left out is unlimited. Each wallet is
found by its type, its KYC level and its currency; there is one row of each kind.
"""
ATTRIBUTE = re.compile(r"^    (\w+): (.+?)(?=^    \w+: |\Z)", re.MULTILINE | re.DOTALL)
REFUSED = "\N{REPLACEMENT CHARACTER}"


def page() -> str:
    """The page's text."""
    return md.page("Configuration of the example server", list(_lines())[:-1])


def _lines() -> Iterator[str]:
    yield from md.paragraph(INTRODUCTION)
    for field in attrs.fields(Settings):
        yield f"## {variable(field.name)}"
        yield ""
        yield from md.paragraph(_explained()[field.name])
        yield from md.paragraph(
            f"Default: `{_shown(field.default)}`. It {_accepted(field.name)}."
        )
    yield "## The policy file"
    yield ""
    yield from md.paragraph(POLICY_FILE)
    yield from md.table(("member of the file", "required"), _rows_of(PolicyFile))
    yield from md.table(("member of each of `rows`", "required"), _rows_of(PolicyRow))


def _explained() -> dict[str, str]:
    """What the docstring of the settings says of each."""
    attributes = (inspect.getdoc(Settings) or "").partition("Attributes:\n")[2]
    return dict(ATTRIBUTE.findall(attributes))


def _accepted(setting: str) -> str:
    """What the parser itself says when it refuses a text."""
    try:
        PARSERS[setting](REFUSED)
    except ValueError as error:
        return str(error).removesuffix(f", not {REFUSED!r}").split(": ")[0]
    raise LookupError(f"{setting} takes anything")


def _shown(default: object) -> str:
    if default is None:
        return "none"
    return default.ref.id if isinstance(default, LimitPolicy) else str(default)


def _rows_of(kind: type[attrs.AttrsInstance]) -> Iterator[tuple[str, str]]:
    for field in attrs.fields(kind):
        yield f"`{camel(field.name)}`", md.yes(field.default is attrs.NOTHING)
