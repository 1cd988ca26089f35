"""Throws bytes at the decoders until one breaks: `python -m tools.fuzz [TARGET …]`.

Each target of `tests/fuzz/targets.py` runs in a process of its own under Atheris,
which follows the branches that inputs take. What breaks a target is written into
`tests/fuzz/corpus/<target>/`, where every run of the tests tries it again.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Final, Protocol, cast

import orjson

from tests.fuzz import seeds, targets

DEFAULT_S: Final = 60
LONGEST: Final = 4096
STEP: Final = re.compile(r"#\d+\s+(NEW|REDUCE)|.*# Uses: |#{6} ")
"""Lines about every input that was kept: thousands."""
ODD: Final[tuple[object, ...]] = (
    None,
    True,
    0,
    -1,
    1.0,
    2**53,
    2**63,
    "",
    "1",
    "\x00",
    "é",
    [],
    {},
    [[]],
)
"""Values that are nearly right, for the members of JSON."""


class Atheris(Protocol):
    """What is used of Atheris, which ships no types and is not always installed."""

    def instrument_all(self) -> None: ...
    def Setup(  # noqa: N802 - Its name there.
        self,
        arguments: list[str],
        target: Callable[[bytes], None],
        *,
        custom_mutator: Callable[[bytes, int, int], bytes],
    ) -> None: ...
    def Fuzz(self) -> None: ...  # noqa: N802 - Its name there.
    def Mutate(self, data: bytes, longest: int) -> bytes: ...  # noqa: N802 - Same.


def main(arguments: Sequence[str]) -> int:
    """Run targets one after another; 1 when one of them broke."""
    parser = argparse.ArgumentParser(prog="tools.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", help="all unless some are named")
    parser.add_argument("--seconds", type=int, default=DEFAULT_S, help="a target")
    parser.add_argument("--seed", type=int, default=0, help="0: another every time")
    parser.add_argument("--found", help="run here, and put into this folder")
    chosen = parser.parse_args(arguments)
    if chosen.found:
        _fuzz(chosen.targets[0], chosen.found, chosen.seconds, chosen.seed)
    options = ("--seconds", str(chosen.seconds), "--seed", str(chosen.seed))
    wanted = chosen.targets or targets.TARGETS
    broken = [target for target in wanted if not _holds(target, options)]
    if broken:
        sys.stderr.write(f"broken: {', '.join(broken)}; see tests/fuzz/corpus\n")
    return 1 if broken else 0


def _holds(target: str, options: Sequence[str]) -> bool:
    """Fuzz in a process of its own; print what it says but its every step."""
    with tempfile.TemporaryDirectory() as found:
        command = [sys.executable, "-m", "tools.fuzz", *options, "--found", found]
        process = subprocess.Popen(
            [*command, target],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout is not None
        for line in process.stdout:
            if not STEP.match(line):
                sys.stdout.write(f"{target}: {line}")
                sys.stdout.flush()
        return process.wait() == 0


def _fuzz(name: str, found: str, seconds: int, seed: int) -> None:
    """Fuzz one target; Atheris ends the process itself."""
    atheris = cast("Atheris", import_module("atheris"))
    target = targets.TARGETS[name]
    for one in seeds.seeds(name):
        target(one)
        Path(found, sha256(one).hexdigest()).write_bytes(one)
    # Also what was written at run time: the converters and the decoders.
    atheris.instrument_all()
    arguments = [
        "fuzz",
        f"-max_total_time={seconds}",
        f"-seed={seed}",
        f"-max_len={LONGEST}",
        "-timeout=10",
        "-rss_limit_mb=1024",
        "-print_final_stats=1",
        f"-artifact_prefix={seeds.CORPUS / name}/",
        found,
    ]

    def mutated(data: bytes, longest: int, number: int) -> bytes:
        return _mutated(atheris, data, longest, Random(number))

    atheris.Setup(arguments, target, custom_mutator=mutated)
    atheris.Fuzz()


def _mutated(atheris: Atheris, data: bytes, longest: int, random: Random) -> bytes:
    """Bytes changed anywhere, or one value of the JSON that is in them."""
    head, line, rest = data.partition(b"\n")
    if not line:
        head, rest = b"", data
    try:
        value = orjson.loads(rest)
    except orjson.JSONDecodeError:
        value = None
    if not isinstance(value, dict) or not value or random.random() < 0.5:
        return atheris.Mutate(data, longest)
    _change(value, random)
    try:
        changed = head + line + orjson.dumps(value)
    except (TypeError, RecursionError):
        return atheris.Mutate(data, longest)
    return changed if len(changed) <= longest else data


def _change(value: dict[str, object], random: Random) -> None:
    """Replace, remove, copy or add one member somewhere inside."""
    name = random.choice(list(value))
    inner = value[name]
    if isinstance(inner, dict) and inner and random.random() < 0.7:
        _change(inner, random)
        return
    match random.randrange(5):
        case 0:
            del value[name]
        case 1:
            value[name] = value[random.choice(list(value))]
        case 2:
            value[random.choice(("x", "", "cvv", name + "s"))] = inner
        case 3 if isinstance(inner, int):
            value[name] = inner + random.choice((-1, 1, 2**31, 2**53))
        case _:
            value[name] = random.choice((*ODD, [inner], {name: inner}))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
