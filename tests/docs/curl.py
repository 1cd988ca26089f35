"""As much of curl as the pages use, where the machine has none."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from http.client import HTTPConnection
from urllib.parse import urlsplit


def main(arguments: list[str]) -> None:
    """Send one request, print the answer as `curl -s` or `curl -si` does."""
    parser = ArgumentParser(prog="curl", allow_abbrev=False)
    parser.add_argument("url")
    parser.add_argument("-s", action="store_true", required=True)
    parser.add_argument("-i", action="store_true")
    parser.add_argument("-H", action="append", default=[])
    parser.add_argument("-d")
    given = parser.parse_args(arguments)
    url = urlsplit(given.url if "://" in given.url else f"http://{given.url}")
    target = url.path + (f"?{url.query}" if url.query else "")
    connection = HTTPConnection(url.netloc, timeout=30)
    connection.request(
        "GET" if given.d is None else "POST",
        target,
        body=None if given.d is None else given.d.encode(),
        headers=dict(header.split(": ", 1) for header in given.H),
    )
    answer = connection.getresponse()
    if given.i:
        sys.stdout.write(f"HTTP/1.1 {answer.status} {answer.reason}\r\n")
        for name, value in answer.getheaders():
            sys.stdout.write(f"{name}: {value}\r\n")
        sys.stdout.write("\r\n")
    sys.stdout.write(answer.read().decode())


if __name__ == "__main__":
    main(sys.argv[1:])
