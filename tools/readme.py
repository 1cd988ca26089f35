"""The commands of the README: `python -m tools.readme N` prints its Nth `sh` block."""

from __future__ import annotations

import re
import sys
from pathlib import Path

SH_BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def sh_block(text: str, number: int) -> str:
    """The Nth fenced block that is marked `sh`, counted from 1.

    Raises:
        LookupError: There are not so many.
    """
    blocks: list[str] = SH_BLOCK.findall(text)
    if not 1 <= number <= len(blocks):
        raise LookupError(f"the page has {len(blocks)} sh blocks, not {number}")
    return blocks[number - 1]


if __name__ == "__main__":
    page = Path("README.md").read_text(encoding="utf-8")
    sys.stdout.write(sh_block(page, int(sys.argv[1])))
