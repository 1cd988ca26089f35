"""Compare or write the generated pages.

`python -m tools.reference` fails when a committed page is not what the code
says, or when a file is there that nothing writes; with `--write` it mends both.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tools.reference import asyncapi, configuration, errors, events

FOLDER = Path("docs/reference")


def main(arguments: list[str], folder: Path = FOLDER) -> int:
    """Compare, or write; 1 when a page has drifted."""
    wanted = pages(folder)
    drifted = [path for path, text in wanted.items() if _read(path) != text]
    stray = [path for path in folder.rglob("*.*") if path not in wanted]
    if "--write" in arguments:
        for path in drifted:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted[path], encoding="utf-8")
        for path in stray:
            path.unlink()
        return 0
    for path in drifted:
        sys.stdout.write(f"{path}: not what the code says; nox -s docs -- --write\n")
    for path in stray:
        sys.stdout.write(f"{path}: nothing writes it; nox -s docs -- --write\n")
    return 1 if drifted or stray else 0


def pages(folder: Path = FOLDER) -> dict[Path, str]:
    """Every generated file and its text."""
    named = {
        "asyncapi.json": asyncapi.text(),
        "configuration.md": configuration.page(),
        "errors.md": errors.page(),
        "events.md": events.page(),
        **{f"schemas/{name}": text for name, text in events.schema_files().items()},
    }
    return {folder / name: text for name, text in named.items()}


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
