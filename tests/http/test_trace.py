"""The trace and the conversation of a request."""

from __future__ import annotations

import pytest

from tests.http.client import Service

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize(
    ("sent", "flags"),
    [
        (f"00-{TRACE}-{SPAN}-01", "01"),
        (f"00-{TRACE}-{SPAN}-00", "00"),
        (f"00-{TRACE}-{SPAN}-ff", "01"),
        (f"cc-{TRACE}-{SPAN}-01", "01"),
        (f"cc-{TRACE}-{SPAN}-01-what-the-future-brings", "01"),
    ],
)
def test_trace_is_continued(sent: str, flags: str, service: Service) -> None:
    """H5: a valid `traceparent` is continued with a span of our own."""
    answer = service.get("/livez", {"traceparent": sent})
    version, trace_id, span, sampled = answer.headers["traceparent"].split("-")
    assert (version, trace_id, sampled) == ("00", TRACE, flags)
    assert span != SPAN
    assert int(span, 16)


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "x",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-01-more",
        f"cc-{TRACE}-{SPAN}-01.more",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"0x-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-0g",
        f"00_{TRACE}-{SPAN}-01",
        f"00-{TRACE}_{SPAN}-01",
        f"00-{TRACE}-{SPAN}_01",
    ],
)
def test_invalid_trace_is_ignored(sent: str, service: Service) -> None:
    """H5: an invalid one starts a new trace; it is never a 400."""
    answer = service.get("/livez", {"traceparent": sent})
    assert answer.status == 200
    version, trace_id, _, _ = answer.headers["traceparent"].split("-")
    assert version == "00"
    assert len(trace_id) == 32
    assert trace_id not in {TRACE, "0" * 32}


def test_new_traces_differ(service: Service) -> None:
    """H5: every request without a trace gets one of its own."""
    traces = {service.get("/livez").headers["traceparent"] for _ in range(50)}
    assert len(traces) == 50


def test_correlation_id_is_returned_and_recorded(service: Service) -> None:
    """H2: the caller's correlation id is in the header, the body and the events."""
    body = {
        "ownerId": "o",
        "walletType": "personal",
        "currency": "EGP",
        "kycLevel": "full",
    }
    headers = {"x-correlation-id": "call~1", "traceparent": f"00-{TRACE}-{SPAN}-01"}
    answer = service.post("/v1/wallets", body, headers=headers)
    assert answer.headers["x-correlation-id"] == "call~1"
    assert answer.json["correlationId"] == "call~1"
    (recorded,) = service.store.feed()
    assert recorded.envelope.meta.correlation_id == "call~1"
    assert recorded.envelope.meta.traceparent == answer.headers["traceparent"]


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"a b",
        b"x" * 129,
        b"\xe9",
        b"a\tb",
        b"\x7f",
        b"4242424242424242",
        b"card-3782-822463-10005.",
    ],
)
def test_unfit_correlation_id_is_replaced(sent: bytes, service: Service) -> None:
    """H2, D2: one that is not 1 to 128 visible ASCII, or a card's, is made anew."""
    traceparent = f"00-{TRACE}-{SPAN}-01".encode()
    headers = {"x-correlation-id": sent, "traceparent": traceparent}
    answer = service.get("/livez", headers)
    made = answer.headers["x-correlation-id"]
    assert made == "4bf92f35-77b3-4da6-a3ce-929d0e0e4736"


def test_an_id_that_is_digits_by_chance_is_kept(service: Service) -> None:
    """H2, D2: a UUID is no card number, whatever its digits; nor is a short number."""
    for sent in ("00000000-0000-4000-8000-424242424242", "20261125001"):
        answer = service.get("/livez", {"x-correlation-id": sent})
        assert answer.headers["x-correlation-id"] == sent


def test_longest_correlation_id(service: Service) -> None:
    """H2: 128 characters are accepted."""
    answer = service.get("/livez", {"x-correlation-id": "x" * 128})
    assert answer.headers["x-correlation-id"] == "x" * 128
