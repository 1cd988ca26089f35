"""A reader of one page: takes its blocks in order and does what they say."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from contextlib import redirect_stdout
from io import StringIO

from sybil import Document, Example, Region
from sybil.evaluators.python import PythonEvaluator
from sybil.parsers.markdown.lexers import RawFencedCodeBlockLexer

from tests.docs.session import SERVE, Terminal
from tests.docs.showing import difference

INFO = re.compile(r"(?P<language>[^\n]*)\n")
COMES = re.compile(r"sleep \d|curl -s \S+/readyz$")
PATIENCE_S = 60.0
HERE_DOCUMENT = re.compile(r"<<'(\w+)'$")


class Reader:
    """Evaluates the fenced blocks of a page; a kind nobody knows is a failure.

    * ``python`` runs; what it prints stands in the ``text`` block after it.
    * ``console`` holds commands after ``$`` and what each of them prints.
    * ``sh`` is a command of the README that does all the set-up; the one that
      runs the server runs it for the rest of the page.

    Args:
        terminal: Where commands are typed.
    """

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._run_python = PythonEvaluator()
        self._printed = ""
        self._evaluators = {
            "python": self._python,
            "text": self._text,
            "console": self._console,
            "sh": self._sh,
        }

    def read(self, path: str) -> None:
        """Go through a page.

        Raises:
            AssertionError: A block does not do what the page says.
        """
        for example in Document.parse(path, self._parse):
            example.evaluate()
        assert not self._printed, f"{path}: printed, not shown: {self._printed}"

    def _parse(self, document: Document) -> Iterable[Region]:
        for region in RawFencedCodeBlockLexer(INFO)(document):
            language = region.lexemes["language"].strip()
            region.parsed = region.lexemes["source"]
            region.evaluator = self._evaluators.get(language, _unknown)
            yield region

    def _python(self, example: Example) -> str | None:
        if self._printed:
            return f"printed before, and not shown:\n{self._printed}"
        out = StringIO()
        with redirect_stdout(out):
            self._run_python(example)
        self._printed = out.getvalue()
        return None

    def _text(self, example: Example) -> str | None:
        printed, self._printed = self._printed, ""
        return difference(example.parsed, printed)

    def _console(self, example: Example) -> str | None:
        for command, shown in commands(example.parsed):
            found = self._differs(command, shown)
            if found:
                return f"{command}\n{found}"
        return None

    def _differs(self, command: str, shown: str) -> str | None:
        """What is not as shown; what comes by itself is looked at again."""
        until = time.monotonic() + PATIENCE_S
        while True:
            found = difference(shown, self._terminal.run(command))
            is_over = not COMES.match(command) or time.monotonic() > until
            if found is None or is_over:
                return found

    def _sh(self, example: Example) -> str | None:
        command = example.parsed.rstrip("\n").rpartition(" && ")[2]
        if SERVE.fullmatch(command):
            self._terminal.run(command)
            return None
        return None if command == ".venv/bin/nox" else _unknown(example)


def commands(session: str) -> Iterator[tuple[str, str]]:
    """Each command of a session, and what is shown of its output.

    Raises:
        AssertionError: The session does not begin with a command.
    """
    lines = iter(session.splitlines())
    command, shown = "", ""
    for line in lines:
        if not line.startswith("$ "):
            assert command, "a session begins with a command after a $"
            shown += line + "\n"
            continue
        if command:
            yield command, shown
        command, shown = _whole(line.removeprefix("$ "), lines), ""
    if command:
        yield command, shown


def _whole(command: str, lines: Iterator[str]) -> str:
    """A command with the lines that belong to it."""
    here = HERE_DOCUMENT.search(command)
    end = here[1] if here else None
    while (
        command.endswith("\\")
        or command.count("'") % 2
        or (end and command.rpartition("\n")[2] != end)
    ):
        command += "\n" + next(lines)
    return command


def _unknown(example: Example) -> str:
    return f"a block that nobody executes: {example.region.lexemes['language']!r}"
