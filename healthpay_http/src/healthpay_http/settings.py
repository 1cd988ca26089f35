"""What the host of the application decides."""

from __future__ import annotations

import attrs
from attrs import field, validators

from healthpay_core import Actor
from healthpay_http.routes import CONDITIONAL_CANDIDATES

ANYBODY = Actor(type="client", id="anonymous")
"""Who gives the orders while nobody is authenticated."""


def _candidates(_: object, __: object, value: frozenset[str]) -> None:
    unknown = sorted(value - CONDITIONAL_CANDIDATES)
    if unknown:
        raise ValueError(f"no operation on an existing resource: {', '.join(unknown)}")


def _no_slash(_: object, __: object, value: str | None) -> None:
    # The command id is derived from "tenant/operation/key" (rule I2).
    if value is not None and "/" in value:
        raise ValueError("must not contain a slash")


@attrs.frozen(kw_only=True)
class HttpSettings:
    """Limits and choices of a `HealthPayApp`.

    Args:
        max_body_bytes: Longest body of a command; longer ones are answered 413.
        max_in_flight: Commands being decided, and queries being read, at once;
            what is beyond is answered 503 with `Retry-After`.
        conditional_operations: Operations, by their names in the route table
            such as ``wallet.debit``, that refuse a missing `If-Match` (V4).
        actor: Who the events name as the giver of the orders.
        tenant_id: Whose commands these are; part of the idempotency scope (I2).
        check_timeout_s: How long a health check may take before it counts as
            failed.
        drain_timeout_s: How long the end of `running` waits for requests that
            are being answered.
    """

    max_body_bytes: int = field(default=65536, validator=validators.ge(1))
    max_in_flight: int = field(default=1024, validator=validators.ge(1))
    conditional_operations: frozenset[str] = field(
        default=frozenset(), validator=_candidates
    )
    actor: Actor = ANYBODY
    tenant_id: str | None = field(default=None, validator=_no_slash)
    check_timeout_s: float = field(default=2.0, validator=validators.gt(0))
    drain_timeout_s: float = field(default=10.0, validator=validators.ge(0))
