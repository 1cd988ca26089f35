"""Bugs of a store that the tests of crashes must find, each put in on purpose."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

PLANTS: Final[Mapping[str, Callable[[], None]]] = MappingProxyType({})
