"""Ports for servers that are told theirs before they start."""

from __future__ import annotations

import random
import socket
from contextlib import suppress
from typing import Final

# Below the ports that systems give to outgoing connections: nothing takes them
# between the moment that they are found free and a server's start, or restart.
_PORTS: Final = range(20_000, 32_000)


def free_ports(count: int) -> list[int]:
    """So many different ports of the loopback address that nobody listens at."""
    found: list[int] = []
    for port in random.sample(_PORTS, len(_PORTS)):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            found.append(port)
        if len(found) == count:
            break
    return found
