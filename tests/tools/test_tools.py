from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tools.archives import faults_of_source, faults_of_wheel
from tools.links import faults_of as dead_links
from tools.readme import sh_block
from tools.tree import faults_of, requirement_faults

HASH = "--hash=sha256:" + "0" * 64


@pytest.mark.parametrize(
    "line",
    [
        "see /ro" + "ot/notes",
        "cd /wo" + "rk/main/src",
        "cd /home" + "/me/src",
        "https://py" + "pi.org/simple",
        "files.python" + "hosted.org",
    ],
)
def test_a_tracked_file_names_no_machine_and_no_registry(
    tmp_path: Path, line: str
) -> None:
    """What one machine is called must not leave it in a commit."""
    file = tmp_path / "page.md"
    file.write_text(f"fine\n{line}\n")
    (fault,) = faults_of(file)
    assert f"{file}:2: " in fault


def test_ordinary_paths_and_routes_are_no_faults(tmp_path: Path) -> None:
    """Only paths of a machine are looked for, not every slash."""
    file = tmp_path / "page.md"
    file.write_text("GET /v1/wallets/homework/ and docs/root/x and a/work/b\n")
    assert list(faults_of(file)) == []


def test_lock_files_are_refused(tmp_path: Path) -> None:
    """They record the addresses that they were made from."""
    file = tmp_path / "uv.lock"
    file.write_text("")
    assert len(list(faults_of(file))) == 1


@pytest.mark.parametrize(
    "entry",
    [
        "attrs==1.0",
        "attrs>=1.0 " + HASH,
        "attrs @ https://x/attrs.whl " + HASH,
        "--index-url https://x/simple",
        "-e ./healthpay_core",
        "attrs==1.0 --hash=md5:0",
    ],
)
def test_a_requirement_is_a_pin_with_hashes_and_no_more(entry: str) -> None:
    """Everything else could install other bytes than were looked at."""
    assert len(list(requirement_faults(entry))) == 1


def test_a_pin_with_hashes_passes() -> None:
    """As `nox -s pin` writes them, with extras and markers."""
    text = (
        f"attrs==26.1.0 \\\n    {HASH} \\\n    {HASH}\n"
        f"coverage[toml]==7.1 ; python_version < '3.12' \\\n    {HASH}\n"
    )
    assert list(requirement_faults(text)) == []


def test_a_dead_link_is_found_and_a_live_one_is_not(tmp_path: Path) -> None:
    """A link names a file that is there, and a heading that is in it."""
    (tmp_path / "there.md").write_text("# One `thing`, twice\n")
    page = tmp_path / "page.md"
    page.write_text(
        "[a](there.md) [b](there.md#one-thing-twice) [c](https://x.example/y)\n"
        "[d](gone.md) [e](there.md#other)\n\n```\n[f](in-code.md)\n```\n"
    )
    assert list(dead_links(page)) == [
        "no such file: gone.md",
        "no such heading: there.md#other",
    ]


def test_the_second_sh_block_is_found_by_its_number() -> None:
    """CI runs what the reader of the README is told to run."""
    text = "```python\nno\n```\n\n```sh\none\n```\n\n```sh\ntwo\n```\n"
    assert sh_block(text, 2) == "two\n"
    with pytest.raises(LookupError):
        sh_block(text, 3)


def _wheel(folder: Path, name: str, *lines: str, typed: bool = True) -> Path:
    wheel = folder / f"{name}-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(f"{name}/__init__.py", "")
        if typed:
            archive.writestr(f"{name}/py.typed", "")
        metadata = "\n".join((f"Name: {name}", *lines))
        archive.writestr(f"{name}-0.1.0.dist-info/METADATA", metadata)
    return wheel


def test_a_wheel_without_types_or_with_a_loose_sibling_is_found(
    tmp_path: Path,
) -> None:
    """Siblings are released together, so each names the others' exact version."""
    loose = "Requires-Dist: healthpay-core>=0.1"
    wheel = _wheel(tmp_path, "healthpay_wire", loose, typed=False)
    assert len(list(faults_of_wheel(wheel))) == 2
    assert list(faults_of_source(wheel)) == ["no source archive beside it"]
    good = "Requires-Dist: healthpay-core==0.1.0"
    assert list(faults_of_wheel(_wheel(tmp_path, "healthpay_wire", good))) == []


def test_the_core_may_depend_on_nothing(tmp_path: Path) -> None:
    """The standard library is all that it needs; extras are for tests."""
    wheel = _wheel(tmp_path, "healthpay_core", "Requires-Dist: attrs>=24")
    (fault,) = faults_of_wheel(wheel)
    assert "depends on" in fault
