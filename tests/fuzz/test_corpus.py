"""What the fuzzer starts from, and all that it has ever caught, in every run."""

from __future__ import annotations

import pytest

from tests.fuzz.seeds import seeds
from tests.fuzz.targets import TARGETS


@pytest.mark.parametrize("target", TARGETS)
def test_every_input_that_is_kept_holds(target: str) -> None:
    """E7, A2, A4, I1: what a decoder was once caught with, it does right today."""
    inputs = list(seeds(target))
    assert inputs
    for data in inputs:
        TARGETS[target](data)
