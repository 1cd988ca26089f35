"""The pages for people: every block runs, every link leads somewhere."""

from __future__ import annotations

import re
from contextlib import closing
from pathlib import Path

import pytest

from tests.docs.reading import Reader
from tests.docs.session import ROOT, Terminal, machine_has_curl
from tools.links import LINK, faults_of
from tools.reference.__main__ import main as reference
from tools.reference.__main__ import pages as generated_pages

# A command that waits for ever is found before the general limit.
pytestmark = pytest.mark.timeout(240)

DOCS = sorted((ROOT / "docs").rglob("*.md"))
PAGES = [ROOT / "README.md", *DOCS, *sorted(ROOT.glob("healthpay_*/README.md"))]
# Executed on a real broker, by the tests beside it.
ON_A_BROKER = frozenset(
    ROOT / "docs" / "how-to" / name
    for name in ("publish-events-to-kafka.md", "run-on-kafka.md")
)
# And on a real PostgreSQL, too.
ON_POSTGRES = ROOT / "docs" / "how-to" / "project-events-into-postgresql.md"
ELSEWHERE = ON_A_BROKER | {ON_POSTGRES}
EXECUTED_HERE = [page for page in PAGES if page not in ELSEWHERE]
INDENTED_BLOCK = re.compile(r"(?:\A|\n)[ \t]*\n(?: {4}|\t)[^\n]+")
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", EXECUTED_HERE, ids=_name)
def test_blocks_do_what_the_page_says(page: Path, terminal: Terminal) -> None:
    """Every block of a page runs, and prints what the page shows."""
    Reader(terminal).read(str(page))


@pytest.mark.parametrize("page", PAGES[:1] if machine_has_curl() else [], ids=_name)
def test_real_curl_prints_the_same(page: Path, folder: Path) -> None:
    """The session of the README is that of the real curl, where there is one."""
    with closing(Terminal(folder, has_curl=True)) as terminal:
        Reader(terminal).read(str(page))


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_no_block_hides(page: Path) -> None:
    """Code is in fenced blocks only: indented ones would not be executed."""
    prose = FENCED.sub("", page.read_text(encoding="utf-8"))
    assert INDENTED_BLOCK.search(prose) is None


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link names a file, and every fragment a heading."""
    assert list(faults_of(page)) == []


def test_index_names_every_page() -> None:
    """Every page of the documentation is linked from its index."""
    index = ROOT / "docs" / "index.md"
    targets = LINK.findall(index.read_text(encoding="utf-8"))
    linked = {(index.parent / target).resolve() for target in targets}
    assert set(DOCS) - {index} - linked == set()


def test_reference_is_what_the_code_says(capsys: pytest.CaptureFixture[str]) -> None:
    """The generated pages are those that the generator would write now."""
    assert reference([], ROOT / "docs" / "reference") == 0, capsys.readouterr().out


def test_drift_is_found(tmp_path: Path) -> None:
    """A changed page and a stray file are drift, and --write mends both."""
    reference(["--write"], tmp_path)
    assert reference([], tmp_path) == 0
    some = min(generated_pages(tmp_path))
    some.write_text(some.read_text(encoding="utf-8") + "more\n", encoding="utf-8")
    assert reference([], tmp_path) == 1
    reference(["--write"], tmp_path)
    (tmp_path / "schemas" / "wallet.lent.v1.json").touch()
    assert reference([], tmp_path) == 1
    reference(["--write"], tmp_path)
    assert reference([], tmp_path) == 0
