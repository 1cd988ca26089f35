"""`python -m healthpay_core.testing.simulation --minutes 5`."""

from __future__ import annotations

import sys

from healthpay_core.testing.simulation.command import main

if __name__ == "__main__":
    sys.exit(main())
