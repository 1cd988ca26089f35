"""The jars of Apache Kafka: fetched once by Maven, kept in the user's cache."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Final

from tools.broker.errors import BrokerError
from tools.fetching import fetched

POM: Final = Path(__file__).with_name("pom.xml")
_PLUGIN: Final = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1"
_FETCH_TIMEOUT_S: Final = 540.0


def cache_folder() -> Path:
    """Where this project keeps what it fetched, by the XDG rule."""
    told = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(told) if told.startswith("/") else Path.home() / ".cache"
    return base / "healthpay"


def kafka_jars() -> Path:
    """The folder of the jars that `pom.xml` names; filled when it is not there.

    It is filled aside and then renamed, so that two runs do not disturb each
    other and a run that was broken off leaves nothing that looks complete.

    Raises:
        BrokerError: Maven is missing, or cannot fetch them.
    """
    version = sha256(POM.read_bytes()).hexdigest()[:12]
    wanted = cache_folder() / f"kafka-jars-{version}"
    if not wanted.is_dir():
        wanted.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=wanted.parent) as aside:
            filled = Path(aside) / "jars"
            _fetch(filled)
            # Another run may have been faster; its jars are the same.
            with suppress(OSError):
                filled.rename(wanted)
    return wanted


def program(name: str, purpose: str) -> str:
    """The path of a program that must be on this machine.

    Raises:
        BrokerError: It is not there.
    """
    found = shutil.which(name)
    if found is None:
        raise BrokerError(f"{name} is needed {purpose}, and is not on the PATH")
    return found


def _fetch(folder: Path) -> None:
    maven = program("mvn", "to fetch Apache Kafka's jars")
    # Maven writes beside its pom, which is nothing of its business here.
    with tempfile.TemporaryDirectory() as workplace:
        pom = shutil.copy(POM, workplace)
        options = ("-DincludeScope=runtime", f"-DoutputDirectory={folder}")
        done = fetched(
            [maven, "-q", "-B", "-f", pom, f"{_PLUGIN}:copy-dependencies", *options],
            folder=Path(workplace),
            timeout_s=_FETCH_TIMEOUT_S,
        )
    if done.returncode or not any(folder.glob("kafka_*.jar")):
        said = (done.stdout + done.stderr)[-4000:]
        raise BrokerError(f"mvn cannot fetch the jars:\n{said}")
