"""What the application works on, and whether it is there now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeAlias

from healthpay_core import CommandPort, QueryPort
from healthpay_http.publications import Publications

HealthCheck: TypeAlias = Callable[[], str | None]
"""None while the dependency is well, else the reason; may block."""


@dataclass(frozen=True)
class Backend:
    """The ports behind the routes, and the checks behind `/readyz`.

    Args:
        commands: Takes the commands.
        queries: Answers the questions.
        checks: A health check by the name of its dependency, such as ``store``.
        publications: What a relay publishes from this process, when there is one.
    """

    commands: CommandPort
    queries: QueryPort
    checks: Mapping[str, HealthCheck] = field(
        default_factory=lambda: MappingProxyType({})
    )
    publications: Publications | None = None


class Serving:
    """The moving parts of one application: what is entered, what is under way.

    All of it is touched by one event loop only.
    """

    __slots__ = ("backend", "commands_in_flight", "draining", "queries_in_flight")

    def __init__(self) -> None:
        self.backend: Backend | None = None
        self.draining: bool = False
        self.commands_in_flight: int = 0
        self.queries_in_flight: int = 0

    def for_command(self, limit: int) -> Backend | None:
        """The backend, unless it is not there or has enough to decide."""
        return self.backend if self.commands_in_flight < limit else None

    def for_query(self, limit: int) -> Backend | None:
        """The backend, unless it is not there or has enough to read."""
        return self.backend if self.queries_in_flight < limit else None
