"""Logs as JSON lines: one event a line, correlated, without local variables."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from typing import TextIO

import structlog
from structlog.typing import Processor

from healthpay_core import CommandRequest, Fault, Outcome, Rejected, Unknown


def configure(level: str, stream: TextIO | None = None) -> None:
    """Send structlog's and the standard library's logs through one pipeline.

    Args:
        level: The least severe line that is written, such as ``info``.
        stream: Where lines go; standard output when left out.
    """
    shared = _shared()
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stdout if stream is None else stream)
    handler.setFormatter(_formatter(shared))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True


def _shared() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def _formatter(shared: list[Processor]) -> structlog.stdlib.ProcessorFormatter:
    # Local variables would carry amounts, names and bodies into the log.
    frames = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _without_colours,
            structlog.processors.ExceptionRenderer(frames),
            structlog.processors.JSONRenderer(),
        ],
    )


def _without_colours(
    _: structlog.typing.WrappedLogger, __: str, line: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """Uvicorn says each line twice, once for terminals."""
    line.pop("color_message", None)
    return line


class CommandLog:
    """An `Observer` that logs what operators must see, by correlation id.

    Faults and bugs always; every other outcome at level ``debug``. Neither
    amounts nor notes nor owners are ever logged.
    """

    def __init__(self) -> None:
        self._log: structlog.stdlib.BoundLogger = structlog.get_logger("healthpay")
        self._is_verbose = logging.getLogger("healthpay").isEnabledFor(logging.DEBUG)

    def batch_handled(
        self, requests: Sequence[CommandRequest], outcomes: Sequence[Outcome]
    ) -> None:
        for request, outcome in zip(requests, outcomes, strict=True):
            self._one(request, outcome)

    def unexpected(self, error_id: str, error: BaseException) -> None:
        self._log.error("unexpected error", error_id=error_id, exc_info=error)

    def _one(self, request: CommandRequest, outcome: Outcome) -> None:
        if isinstance(outcome, Unknown):
            self._log.error("outcome unknown", **_names(request, outcome))
        elif isinstance(outcome, Rejected) and isinstance(outcome.error, Fault):
            names = _names(request, outcome)
            self._log.warning("command failed", code=outcome.error.code, **names)
        elif self._is_verbose:
            code = outcome.error.code if isinstance(outcome, Rejected) else None
            names = _names(request, outcome)
            replayed = outcome.replayed
            self._log.debug("command done", code=code, replayed=replayed, **names)


def _names(request: CommandRequest, outcome: Outcome) -> dict[str, str]:
    return {
        "command": type(request.command).__name__,
        "command_id": outcome.command_id,
        "correlation_id": outcome.correlation_id,
    }
