"""The same application for any other ASGI server, which must run its lifespan.

    granian --interface asgi --factory examples.server.asgi:application

One process of it a store; the server's own options say where it listens, and
`HEALTHPAY_HOST` and `HEALTHPAY_PORT` say nothing here.
"""

from __future__ import annotations

import sys

from examples.server import logs
from examples.server.backend import resources
from examples.server.settings import Settings, load
from healthpay_http import HealthPayApp, HttpSettings

WARNING = """\
*** NO AUTHENTICATION: whoever reaches this server can move all the money. ***
*** Let it listen on a loopback address, such as 127.0.0.1. ***
"""


def application() -> HealthPayApp:
    """The application, from the environment; it opens its store when it starts.

    Where it will listen is not known here, so it says to anyone that it has no
    authentication.

    Raises:
        SettingsError: A variable has a wrong value, or a name nobody knows.
    """
    settings = load()
    logs.configure(settings.log_level)
    sys.stderr.write(WARNING)
    return made(settings)


def made(settings: Settings) -> HealthPayApp:
    """The application that settings ask for."""
    http = HttpSettings(
        max_body_bytes=settings.max_body_bytes, max_in_flight=settings.max_in_flight
    )
    return HealthPayApp(
        lambda: resources(settings, (logs.CommandLog(),)), settings=http
    )
