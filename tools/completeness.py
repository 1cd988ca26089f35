"""Whether every exported type is known: `python -m tools.completeness PACKAGE...`.

Asks `pyright --verifytypes` of each installed package. A package that exports
nothing yet passes, which pyright's own exit code would call 0 %.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile


def main(packages: list[str]) -> int:
    """Print each package's completeness; 1 when one is below 100 %."""
    return 1 if [name for name in packages if not is_complete(name)] else 0


def is_complete(package: str) -> bool:
    """Whether pyright knows the type of all that a package exports."""
    options = ("--verifytypes", package, "--ignoreexternal")
    command = [sys.executable, "-m", "pyright", *options]
    # Elsewhere than the repository: its folders of the same names would be
    # taken for empty namespace packages.
    with tempfile.TemporaryDirectory() as elsewhere:
        machine = _run([*command, "--outputjson"], elsewhere)
        report = json.loads(machine)["typeCompleteness"]
        counts = report["exportedSymbolCounts"]
        unknown = counts["withUnknownType"] + counts["withAmbiguousType"]
        is_whole = unknown == 0 and "pyTypedPath" in report
        sys.stdout.write(f"{package}: {counts['withKnownType']} known, {unknown} not\n")
        if not is_whole:
            sys.stdout.write(_run(command, elsewhere))
    return is_whole


def _run(command: list[str], folder: str) -> str:
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False
    )
    return done.stdout


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
