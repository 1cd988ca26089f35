"""`python -m healthpay_kafka`: the command `healthpay-kafka`."""

from __future__ import annotations

from healthpay_kafka.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
