"""What the server says when it starts, and when it rather does not."""

from __future__ import annotations

import pytest

from examples.server.asgi import application
from examples.server.kafka import KafkaNotReady, until_caught_up
from healthpay_core import InMemoryEventStore
from healthpay_kafka import ReadModel, Topics


def test_another_server_is_told_that_nobody_is_asked_who_they_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without authentication nothing starts in silence, wherever it listens."""
    monkeypatch.setenv("HEALTHPAY_STORE", "memory:")
    application()
    assert "NO AUTHENTICATION" in capsys.readouterr().err


def test_a_server_does_not_start_on_a_read_model_that_lags() -> None:
    """H8: queries are never answered from half of what was decided."""
    nobody = "127.0.0.1:1"
    with (
        ReadModel(nobody, Topics(), InMemoryEventStore()) as model,
        pytest.raises(KafkaNotReady, match="has not caught up yet"),
    ):
        until_caught_up(model, 0.05)
