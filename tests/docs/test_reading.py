"""The reader of pages sees what is wrong on them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.reading import Reader, commands
from tests.docs.session import Terminal
from tests.docs.showing import difference

WRONG = {
    "an exception": "```python\n1 / 0\n```\n",
    "another output": "```python\nprint(1)\n```\n\n```text\n2\n```\n",
    "output too much": "```python\nprint(1)\nprint(2)\n```\n\n```text\n1\n```\n",
    "output not shown": "```python\nprint(1)\n```\n",
    "output not shown before": "```python\nprint(1)\n```\n```python\n0\n```\n",
    "output of nothing": "```text\n1\n```\n",
    "an unknown kind": "```json\n{}\n```\n",
    "no kind": "```\n1\n```\n",
    "another shell": "```sh\nrm -r .\n```\n",
    "a command that fails": "```console\n$ false\n```\n",
    "a command's other output": "```console\n$ echo 1\n2\n```\n",
    "output without command": "```console\n1\n```\n",
    "no server": "```console\n$ curl -s localhost:3000/livez\n```\n",
    "a wrong setting": "```console\n$ HEALTHPAY_PORT=no .venv/bin/nox -s serve\n```\n",
}


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG.keys())
def test_wrong_page_is_seen(text: str, folder: Path, terminal: Terminal) -> None:
    """A page whose block does not do what it says fails."""
    page = folder / "page.md"
    page.write_text(text, encoding="utf-8")
    with pytest.raises((AssertionError, ZeroDivisionError)):
        Reader(terminal).read(str(page))


def test_right_page_passes(folder: Path, terminal: Terminal) -> None:
    """Code and commands share a folder, commands share a shell."""
    page = folder / "page.md"
    page.write_text(
        "```python\nfrom pathlib import Path\nPath('a').write_text('b')\n```\n"
        "```python\nprint(1)\n```\n\n```text\n1\n```\n"
        "```console\n$ cat a\nb\n$ X=2\n```\n```console\n$ echo $X\n2\n```\n",
        encoding="utf-8",
    )
    Reader(terminal).read(str(page))


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ('{"a": 1,\n  "b": [2]}', '{"a":1,"b":[2]}'),
        ('{"correlationId": "…"}', '{"correlationId":"x"}'),
        ("date: …", "date: Wed, 25 Nov 2026"),
        ("one\ntwo\n", "one\r\ntwo"),
    ],
)
def test_same(shown: str, printed: str) -> None:
    """White space between members and named differences do not count."""
    assert difference(shown, printed) is None


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        ('{"a": 1}', '{"a":2}'),
        ('{"a": 1}', '{"a":true}'),
        ('{"a": 1}', '{"a":1,"b":2}'),
        ('{"a": 1, "b": 2}', '{"b":2,"a":1}'),
        ('{"a": "b c"}', '{"a":"bc"}'),
        ('{"balance": "…"}', '{"balance":1}'),
        ('{"eventId": "…"}', '{"eventId":"x"}'),
        ("etag: …", 'etag: "1"'),
        ("one", "one\ntwo"),
        ("one\ntwo", "one"),
        ('{"a": 1', '{"a":1}'),
    ],
)
def test_different(shown: str, printed: str) -> None:
    """All else counts: values, types, order, and what is not there."""
    assert difference(shown, printed) is not None


def test_commands_of_a_session() -> None:
    """A command goes on after a backslash, in quotes, and in a here-document."""
    session = "$ a \\\n    b\n1\n2\n$ f '\n$ g'\n$ cat > c <<'END'\n$ d\nEND\n$ e\n"
    assert list(commands(session)) == [
        ("a \\\n    b", "1\n2\n"),
        ("f '\n$ g'", ""),
        ("cat > c <<'END'\n$ d\nEND", ""),
        ("e", ""),
    ]
