from __future__ import annotations

import attrs

from healthpay_core import Err, Ok
from healthpay_wire.strict import structure


@attrs.frozen(kw_only=True)
class Row:
    amount: int


@attrs.frozen(kw_only=True)
class Table:
    rows: tuple[Row, ...]


def test_every_fault_of_every_item_is_named_by_its_index() -> None:
    """E7: pointers lead into lists, and no item hides the faults of the next."""
    rows = [{"amount": "1"}, {"amount": 2}, {"amount": 3, "note": ""}, 4]
    refused = structure(Table, {"rows": rows})
    assert isinstance(refused, Err)
    assert [(p.pointer, p.detail) for p in refused.error.errors] == [
        ("/rows/0/amount", "must be a JSON integer"),
        ("/rows/2/note", "is not a known member"),
        ("/rows/3", "must be a JSON object"),
    ]


def test_a_list_without_faults_is_built() -> None:
    """M1: exact types pass, in order."""
    value = {"rows": [{"amount": 2}, {"amount": 1}]}
    assert structure(Table, value) == Ok(Table(rows=(Row(amount=2), Row(amount=1))))


def test_a_list_of_faults_is_refused_with_the_first_of_them() -> None:
    """E7: a hundred are enough, and a body made of them costs no more."""
    refused = structure(Table, {"rows": [1] * 100_000})
    assert isinstance(refused, Err)
    assert [each.pointer for each in refused.error.errors] == [
        f"/rows/{index}" for index in range(100)
    ]
