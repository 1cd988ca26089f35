from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from io import StringIO

import pytest
import structlog

from examples.server import logs
from healthpay_core import (
    CommandRequest,
    CreateWallet,
    CreditWallet,
    Outcome,
    new_id,
)
from healthpay_core.outcome import rejected, unknown
from healthpay_core.refusals import InsufficientFunds, StoreUnavailable

Lines = Callable[[], list[dict[str, object]]]


@pytest.fixture
def written() -> Iterator[Callable[[str], Lines]]:
    """Configures logging at a level; what it gives reads the lines so far."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level

    def configure(wanted: str) -> Lines:
        stream = StringIO()
        logs.configure(wanted, stream)
        return lambda: [json.loads(line) for line in stream.getvalue().splitlines()]

    yield configure
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()


def _request() -> CommandRequest:
    command = CreditWallet(
        wallet_id=new_id(), amount=987_654, currency="EGP", reason="deposit"
    )
    return CommandRequest(command=command, correlation_id="conversation-7")


def test_every_line_is_one_json_object(written: Callable[[str], Lines]) -> None:
    """Structlog's, the standard library's and uvicorn's lines look the same."""
    lines = written("info")
    structlog.get_logger("own").info("first", amount=1)
    logging.getLogger("library").warning("second\nline %s", "x", extra={"key": "k"})
    extra = {"color_message": "\x1b[1mthird"}
    logging.getLogger("uvicorn.error").info("third", extra=extra)
    first, second, third = lines()
    assert (first["event"], first["amount"], first["logger"]) == ("first", 1, "own")
    assert (second["event"], second["key"]) == ("second\nline x", "k")
    assert (third["event"], third["level"]) == ("third", "info")
    assert "color_message" not in third
    assert str(first["timestamp"]).endswith("Z")


def test_a_traceback_shows_no_local_variable(written: Callable[[str], Lines]) -> None:
    """What a function held may be a name, an amount or a token."""
    lines = written("info")
    private = "hunter2-" + "secret"
    try:
        raise KeyError(len(private))  # noqa: TRY301 (a frame that holds the secret)
    except KeyError as error:
        logs.CommandLog().unexpected("error-1", error)
    (line,) = lines()
    assert line["error_id"] == "error-1"
    assert "KeyError" in json.dumps(line["exception"])
    assert private not in json.dumps(line)


def test_a_fault_is_logged_with_its_correlation_id(
    written: Callable[[str], Lines],
) -> None:
    """An operator finds the conversation that a failure belongs to."""
    lines = written("info")
    one, two = _request(), _request()
    outcomes: list[Outcome] = [rejected(one, StoreUnavailable()), unknown(two)]
    logs.CommandLog().batch_handled([one, two], outcomes)
    failed, lost = lines()
    assert failed["correlation_id"] == lost["correlation_id"] == "conversation-7"
    assert (failed["code"], failed["level"]) == ("STORE_UNAVAILABLE", "warning")
    assert (lost["command_id"], lost["level"]) == (two.command_id, "error")


@pytest.mark.parametrize(("level", "count"), [("info", 0), ("debug", 1)])
def test_a_refusal_is_ordinary_and_logged_only_when_asked_for(
    written: Callable[[str], Lines], level: str, count: int
) -> None:
    """Answers of the domain are the callers' business, not the operators'."""
    lines = written(level)
    request = _request()
    refusal = InsufficientFunds(
        requested_amount=987_654, available_amount=0, currency="EGP"
    )
    logs.CommandLog().batch_handled([request], [rejected(request, refusal)])
    assert len(lines()) == count
    for line in lines():
        assert line["code"] == "INSUFFICIENT_FUNDS"
        assert line["correlation_id"] == "conversation-7"


def test_no_line_carries_amounts_or_owners(written: Callable[[str], Lines]) -> None:
    """Logs name commands; what they move and for whom stays in the store."""
    lines = written("debug")
    opened = CommandRequest(
        command=CreateWallet(
            wallet_id=new_id(),
            owner_id="owner-hunter2",
            wallet_type="personal",
            currency="EGP",
            kyc_level="full",
        )
    )
    paid = _request()
    log = logs.CommandLog()
    log.batch_handled([opened, paid], [unknown(opened), unknown(paid)])
    text = json.dumps(lines())
    assert len(lines()) == 2
    assert "hunter2" not in text
    assert "987654" not in text
