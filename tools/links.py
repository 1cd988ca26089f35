"""Whether links between the pages of the tree lead somewhere.

`python -m tools.links` checks every tracked Markdown file: the file that a
relative link names must be there, and so must the heading after a `#`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from tools.tree import tracked

FENCED = re.compile(r"^(`{3,}|~{3,}).*?^\1\s*$", re.MULTILINE | re.DOTALL)
INLINE_CODE = re.compile(r"`[^`\n]*`")
LINK = re.compile(r"\[[^\]\n]*\]\(\s*<?([^)\s>]+)>?[^)\n]*\)")
HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)
ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:")


def main() -> int:
    """Print every dead link; 1 when there is one."""
    pages = [path for path in tracked() if path.suffix == ".md"]
    faults = [f"{page}: {fault}" for page in pages for fault in faults_of(page)]
    for fault in faults:
        sys.stdout.write(f"{fault}\n")
    return 1 if faults else 0


def faults_of(page: Path) -> Iterator[str]:
    """The dead links of one page."""
    text = INLINE_CODE.sub("", FENCED.sub("", page.read_text(encoding="utf-8")))
    for target in LINK.findall(text):
        if ELSEWHERE.match(target):
            continue
        name, _, fragment = unquote(target).partition("#")
        path = page if not name else page.parent / name
        if not path.exists():
            yield f"no such file: {target}"
        elif fragment and path.suffix == ".md" and fragment not in anchors(path):
            yield f"no such heading: {target}"


def anchors(page: Path) -> set[str]:
    """The fragments that the headings of a page can be linked by."""
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    found: set[str] = set()
    for heading in HEADING.findall(text):
        plain = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        number = sum(1 for one in found if re.fullmatch(rf"{plain}(-\d+)?", one))
        found.add(f"{plain}-{number}" if number else plain)
    return found


if __name__ == "__main__":
    raise SystemExit(main())
