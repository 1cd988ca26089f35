"""The examples run from the root of the repository, and so do their tests."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
if str(ROOT) not in sys.path:
    # At the end, so that installed distributions come first.
    sys.path.append(str(ROOT))
