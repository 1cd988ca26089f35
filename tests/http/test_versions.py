"""Versions and preconditions over HTTP."""

from __future__ import annotations

import pytest

from healthpay_core import new_id
from healthpay_core.refusals import ConcurrencyConflict
from healthpay_http import HttpSettings
from tests.http.client import Service
from tests.http.stubs import refusing

DEPOSIT = {"amount": 100, "currency": "EGP", "reason": "deposit"}


def test_etag_is_the_precondition_of_the_next_step(service: Service) -> None:
    """V3: the `ETag` of a GET serves as `If-Match`, once."""
    wallet_id = service.open()
    path = f"/v1/wallets/{wallet_id}"
    match = {"if-match": service.get(path).headers["etag"]}
    first = service.post(path + "/credit", DEPOSIT, headers=match)
    second = service.post(path + "/credit", DEPOSIT, headers=match)
    assert first.status == 200
    assert (second.status, second.code) == (412, "VERSION_MISMATCH")
    assert second.json["currentVersion"] == 3
    assert second.json["expectedVersion"] == 2


@pytest.mark.parametrize(
    "tag", ["*", 'W/"2"', "2", '"2', '""', '"x"', '"02"', '"2", "3"', '"-1"', '"²"']
)
def test_only_one_strong_tag(tag: str, service: Service) -> None:
    """V3: `*`, weak tags, lists and what is no version are refused, with the place."""
    wallet_id = service.open()
    answer = service.post(
        f"/v1/wallets/{wallet_id}/credit",
        {**DEPOSIT, "amount": "1"},
        headers={"if-match": tag.encode("latin-1")},
    )
    pointers = [fault["pointer"] for fault in answer.json["errors"]]
    assert (answer.status, answer.code) == (400, "VALIDATION_ERROR")
    assert pointers == ["/headers/If-Match", "/amount"]
    sound = service.post(
        f"/v1/wallets/{wallet_id}/credit",
        DEPOSIT,
        headers={"if-match": tag.encode("latin-1")},
    )
    assert [f["pointer"] for f in sound.json["errors"]] == ["/headers/If-Match"]


def test_conditional_operation_wants_if_match() -> None:
    """V4, E2, I10: 428 comes exactly where a mismatch would, after replay and 404."""
    settings = HttpSettings(conditional_operations=frozenset({"wallet.credit"}))
    with Service(settings=settings).serving() as service:
        wallet_id = service.open()
        path = f"/v1/wallets/{wallet_id}/credit"
        missing = service.post(path, DEPOSIT, key="k")
        assert (missing.status, missing.code) == (428, "PRECONDITION_REQUIRED")
        assert missing.json["currentVersion"] == 2
        absent = service.post(f"/v1/wallets/{new_id()}/credit", DEPOSIT)
        assert absent.code == "WALLET_NOT_FOUND"
        done = service.post(path, DEPOSIT, key="k", headers={"if-match": '"2"'})
        assert done.status == 200
        replay = service.post(path, DEPOSIT, key="k")
        assert replay.body == done.body
        debit = {**DEPOSIT, "reason": "withdrawal"}
        assert service.post(f"/v1/wallets/{wallet_id}/debit", debit).status == 200


def test_only_operations_on_existing_resources_are_conditional() -> None:
    """V4: nobody can have seen the version of what is being created."""
    with pytest.raises(ValueError, match=r"wallet\.create"):
        HttpSettings(conditional_operations=frozenset({"wallet.create"}))


def test_lost_race_is_retryable() -> None:
    """V2: a race that was lost too often is 409, retryable, and not a refusal."""
    backend = refusing(ConcurrencyConflict(attempts=3))
    with Service(backend=backend).serving() as service:
        answer = service.post(f"/v1/wallets/{new_id()}/credit", DEPOSIT)
    assert (answer.status, answer.code) == (409, "CONCURRENCY_CONFLICT")
    assert answer.json["retryable"] is True
    assert answer.json["attempts"] == 3
