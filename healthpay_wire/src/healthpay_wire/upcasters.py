"""Old versions of events stay readable for ever (rule A4).

An upcaster is a pure function from the parsed `data` of one version to that of
the next, keyed by (wire type, version). It runs between parsing and
structuring, so the domain only ever sees the current version.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

from healthpay_core import EVENT_TYPES

Members: TypeAlias = dict[str, object]
Upcaster: TypeAlias = Callable[[Members], Members]


def _credited_v1(data: Members) -> Members:
    """Version 1 had no counter-account: it was always the reason's own (C6)."""
    return {**data, "counterAccount": f"external:{data.get('reason')}"}


UPCASTERS: Final[Mapping[tuple[str, int], Upcaster]] = MappingProxyType(
    {("wallet.credited", 1): _credited_v1}
)


def chain(
    name: str, version: int, current: int, upcasters: Mapping[tuple[str, int], Upcaster]
) -> tuple[Upcaster, ...]:
    """The upcasters from a version to the current one.

    Raises:
        LookupError: A version on the way has no upcaster.
    """
    steps = range(version, current)
    missing = [v for v in steps if (name, v) not in upcasters]
    if missing:
        raise LookupError(f"{name} has no upcaster from version {missing[0]}")
    return tuple(upcasters[name, v] for v in steps)


def build_chains(
    upcasters: Mapping[tuple[str, int], Upcaster] = UPCASTERS,
) -> Mapping[tuple[str, int], tuple[Upcaster, ...]]:
    """Every readable (type, version) and its way to the current version.

    Raises:
        LookupError: A chain has a gap, or an upcaster starts where none is due.
    """
    chains = {
        (kind.name, version): chain(kind.name, version, kind.version, upcasters)
        for kind in EVENT_TYPES.values()
        for version in range(1, kind.version + 1)
    }
    stray = [key for key in upcasters if not chains.get(key)]
    if stray:
        raise LookupError(f"upcaster {stray[0]} leads nowhere")
    return MappingProxyType(chains)
