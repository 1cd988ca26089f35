"""Rule E2: of several errors the first in the order of stages is answered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import combinations

import pytest

from healthpay_core import LimitPolicy, Limits, PolicyRef, new_id
from tests.http.client import Answer, Json, Service

POLICY = LimitPolicy(
    ref=PolicyRef(id="test", version=1),
    rows={
        ("personal", "enhanced", "EGP"): Limits(per_transaction=1000),
        ("personal", "basic", "EGP"): Limits(per_transaction=1000, per_day=0),
    },
)


@dataclass
class Attempt:
    """A debit that would succeed, until faults are put into it."""

    service: Service
    wallet_id: str
    key: str = field(default_factory=new_id)
    headers: dict[str, str] = field(default_factory=dict)
    body: dict[str, Json] = field(
        default_factory=lambda: {
            "amount": 50,
            "currency": "EGP",
            "reason": "withdrawal",
        }
    )
    at: str = ""
    suspended: bool = False
    level: str | None = None

    def run(self) -> Answer:
        """Bring the wallet into its state, then debit."""
        steps = [("kyc-level", {"kycLevel": self.level})] if self.level else []
        steps += [("suspend", {"reasonCode": "fraud"})] if self.suspended else []
        for step, body in steps:
            done = self.service.post(f"/v1/wallets/{self.wallet_id}/{step}", body)
            assert done.status == 200, done.body
        path = f"/v1/wallets/{self.at or self.wallet_id}/debit"
        return self.service.post(path, self.body, key=self.key, headers=self.headers)


def bad_key(attempt: Attempt) -> None:
    attempt.key = "two words"


def bad_media_type(attempt: Attempt) -> None:
    attempt.headers["content-type"] = "text/plain"


def bad_body(attempt: Attempt) -> None:
    attempt.body["unknown"] = 1


def reused_key(attempt: Attempt) -> None:
    if attempt.key != "two words":
        path = f"/v1/wallets/{attempt.wallet_id}/debit"
        body = {"amount": 1, "currency": "EGP", "reason": "fee"}
        attempt.service.post(path, body, key=attempt.key)


def bad_reason(attempt: Attempt) -> None:
    attempt.body["reason"] = "transfer_out"


def no_wallet(attempt: Attempt) -> None:
    attempt.at = new_id()


def old_version(attempt: Attempt) -> None:
    attempt.headers["if-match"] = '"1"'


def suspended(attempt: Attempt) -> None:
    attempt.suspended = True


def other_currency(attempt: Attempt) -> None:
    attempt.body["currency"] = "USD"


def low_level(attempt: Attempt) -> None:
    attempt.level = "basic"


def beyond_limit(attempt: Attempt) -> None:
    attempt.body["amount"] = 5000
    attempt.level = attempt.level or "enhanced"


def beyond_funds(attempt: Attempt) -> None:
    attempt.body["amount"] = max(attempt.body["amount"], 500)


STAGES: list[tuple[Callable[[Attempt], None], int, str]] = [
    (bad_key, 400, "IDEMPOTENCY_KEY_INVALID"),
    (bad_media_type, 415, "UNSUPPORTED_MEDIA_TYPE"),
    (bad_body, 400, "VALIDATION_ERROR"),
    (reused_key, 422, "IDEMPOTENCY_KEY_REUSED"),
    (bad_reason, 422, "REASON_NOT_ALLOWED"),
    (no_wallet, 404, "WALLET_NOT_FOUND"),
    (old_version, 412, "VERSION_MISMATCH"),
    (suspended, 409, "WALLET_NOT_ACTIVE"),
    (other_currency, 422, "CURRENCY_MISMATCH"),
    (low_level, 422, "KYC_LEVEL_INSUFFICIENT"),
    (beyond_limit, 422, "LIMIT_EXCEEDED"),
    (beyond_funds, 422, "INSUFFICIENT_FUNDS"),
]


def attempt_with(*faults: Callable[[Attempt], None]) -> Answer:
    with Service(policy=POLICY).serving() as service:
        attempt = Attempt(service, service.open(100))
        for fault in faults:
            fault(attempt)
        return attempt.run()


def test_the_attempt_itself_succeeds() -> None:
    """Without a fault the debit is done, so that each fault is the only one."""
    assert attempt_with().status == 200


@pytest.mark.parametrize(("fault", "status", "code"), STAGES)
def test_each_fault_alone(
    fault: Callable[[Attempt], None], status: int, code: str
) -> None:
    """E2: each stage refuses with its own code and status."""
    answer = attempt_with(fault)
    assert (answer.status, answer.code) == (status, code)


@pytest.mark.parametrize(("first", "second"), list(combinations(STAGES, 2)))
def test_the_earlier_stage_answers(
    first: tuple[Callable[[Attempt], None], int, str],
    second: tuple[Callable[[Attempt], None], int, str],
) -> None:
    """E2: of any two faults the earlier stage's code is answered."""
    answer = attempt_with(first[0], second[0])
    assert (answer.status, answer.code) == first[1:]
