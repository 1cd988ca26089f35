"""An environment without any setting of the machine the tests run on."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("HEALTHPAY_"):
            monkeypatch.delenv(name)
