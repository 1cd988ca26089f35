"""Whether built archives hold what they must: `python -m tools.archives DIR`."""

from __future__ import annotations

import re
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from email.parser import HeaderParser
from pathlib import Path

SIBLING = re.compile(r"healthpay-\w+")
PINNED_SIBLING = re.compile(r"healthpay-\w+==\d+(\.\d+)+")


def main(folder: Path) -> int:
    """Print every fault of the archives of a folder; 1 when there is one."""
    wheels = sorted(folder.glob("*.whl"))
    faults = [] if wheels else [f"{folder}: no wheel"]
    for wheel in wheels:
        faults += [f"{wheel.name}: {fault}" for fault in faults_of_wheel(wheel)]
        faults += [f"{wheel.name}: {fault}" for fault in faults_of_source(wheel)]
    for fault in faults:
        sys.stdout.write(f"{fault}\n")
    return 1 if faults else 0


def faults_of_wheel(wheel: Path) -> Iterator[str]:
    """What a wheel lacks: its types, its licence, its siblings' versions."""
    name, version = wheel.name.split("-")[:2]
    with zipfile.ZipFile(wheel) as archive:
        members = set(archive.namelist())
        metadata = archive.read(f"{name}-{version}.dist-info/METADATA").decode()
    if f"{name}/py.typed" not in members:
        yield "no py.typed"
    strangers = {m.split("/")[0] for m in members} - {name}
    if strangers != {f"{name}-{version}.dist-info"}:
        yield f"more than the package: {sorted(strangers)}"
    headers = HeaderParser().parsestr(metadata)
    for requirement in headers.get_all("Requires-Dist", []):
        if SIBLING.match(requirement) and not PINNED_SIBLING.fullmatch(requirement):
            yield f"a sibling that is not pinned: {requirement}"
        if name == "healthpay_core" and "extra ==" not in requirement:
            yield f"the core depends on something: {requirement}"


def faults_of_source(wheel: Path) -> Iterator[str]:
    """What the source archive beside a wheel lacks."""
    name, version = wheel.name.split("-")[:2]
    source = wheel.with_name(f"{name}-{version}.tar.gz")
    if not source.is_file():
        yield "no source archive beside it"
        return
    with tarfile.open(source) as archive:
        members = set(archive.getnames())
    if f"{name}-{version}/src/{name}/py.typed" not in members:
        yield "its source archive has no py.typed"


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
