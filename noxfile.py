"""What CI runs; plain `nox` runs everything that must be green."""

from __future__ import annotations

import os
import signal
import tomllib
from pathlib import Path

import nox

ROOT = Path(__file__).parent
DISTRIBUTIONS = (
    "healthpay_core",
    "healthpay_wire",
    "healthpay_sql",
    "healthpay_kafka",
    "healthpay_http",
)
DEV = "requirements/dev.txt"
PYTHON_TREES = ("tools", "tests", "examples", "benchmarks")
OF_THE_LIBRARIES = ("core", "wire", "sql")
LEAST_COVERAGE_PERCENT = 95
ON_A_BROKER = ("tests/kafka", "tests/kafka_cluster")
STOP_TIMEOUT_S = 45.0

nox.needs_version = ">=2025.1"
nox.options.default_venv_backend = "uv"
nox.options.sessions = (
    "lint",
    "typing",
    "tests",
    "kafka",
    "core_alone",
    "wheels",
    "docs",
)


@nox.session
def lint(session: nox.Session) -> None:
    """Style, import contracts, and what no tracked file may hold."""
    _install(session, DEV)
    _install_siblings(session)
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("lint-imports", env={"PYTHONPATH": ""})
    session.run("python", "-m", "tools.tree")


@nox.session
def typing(session: nox.Session) -> None:
    """Types of everything, and of what each distribution exports."""
    _install(session, DEV)
    _install_wheels(session, DISTRIBUTIONS)
    sources = [f"{name}/src" for name in DISTRIBUTIONS]
    trees = [tree for tree in PYTHON_TREES if any((ROOT / tree).rglob("*.py"))]
    session.run("mypy", "--strict", *sources, *trees, "noxfile.py")
    session.run("python", "-m", "tools.completeness", *DISTRIBUTIONS)


@nox.session
def tests(session: nox.Session) -> None:
    """All tests but those on a broker, against the built wheels, with coverage."""
    _install(session, DEV)
    _install_wheels(session, DISTRIBUTIONS)
    if not session.posargs:
        _fetch(session, "tools.npm:node_modules")
    session.run("coverage", "erase")
    chosen = session.posargs or [f"--ignore={folder}" for folder in ON_A_BROKER]
    session.run("coverage", "run", "-m", "pytest", *chosen)
    session.run("coverage", "combine", "--quiet")
    if session.posargs:
        return
    libraries = ",".join(f"*/healthpay_{name}/*" for name in OF_THE_LIBRARIES)
    session.run(
        "coverage",
        "report",
        f"--include={libraries}",
        f"--fail-under={LEAST_COVERAGE_PERCENT}",
    )
    session.run("coverage", "report", "--include=*/healthpay_http/*")


@nox.session
def kafka(session: nox.Session) -> None:
    """The tests on a real Apache Kafka of one node; needs Java and Maven."""
    _install(session, DEV)
    _install_wheels(session, DISTRIBUTIONS)
    _fetch(session, "tools.broker.jars:kafka_jars")
    if not session.posargs:
        _fetch(session, "tools.npm:node_modules")
    session.run("python", "-m", "pytest", *(session.posargs or ["tests/kafka"]))


@nox.session(default=False)
def kafka_cluster(session: nox.Session) -> None:
    """The tests that lose nodes of an Apache Kafka of three."""
    _install(session, DEV)
    _install_wheels(session, DISTRIBUTIONS)
    _fetch(session, "tools.broker.jars:kafka_jars")
    chosen = session.posargs or ["tests/kafka_cluster"]
    session.run("python", "-m", "pytest", *chosen)


@nox.session
def core_alone(session: nox.Session) -> None:
    """The core's tests where nothing but the core and pytest is installed."""
    _install(session, "requirements/core.txt")
    _install_wheels(session, ("healthpay_core",))
    session.run("python", "-m", "pytest", "tests/core", *session.posargs)


@nox.session
def wheels(session: nox.Session) -> None:
    """Each distribution builds, and works with only what it declares."""
    for name in DISTRIBUTIONS:
        _build(session, name, "--sdist", "--wheel")
    session.run("python", "-m", "tools.archives", str(_dist(session)))
    for name in DISTRIBUTIONS:
        room = Path(session.create_tmp()) / name
        python = str(room / "bin" / "python")
        session.run("uv", "venv", "--quiet", "--clear", str(room))
        # Siblings by path, never from an index; all else as it is pinned.
        found = [str(_wheel(session, part)) for part in _with_siblings(name)]
        options = ("--quiet", "--python", python, "--constraints", DEV)
        session.run("uv", "pip", "install", *options, *found)
        session.run(python, "-I", "-c", f"import {name}", external=True)


@nox.session
def docs(session: nox.Session) -> None:
    """The generated reference is current, and no internal link is dead."""
    _install(session, DEV)
    _install_siblings(session)
    generated = ("--write",) if "--write" in session.posargs else ()
    session.run("python", "-m", "tools.reference", *generated)
    session.run("python", "-m", "tools.links")


@nox.session(default=False)
def serve(session: nox.Session) -> None:
    """The example server; `HEALTHPAY_*` variables are its settings."""
    _install(session, "requirements/serve.txt")
    _install_siblings(session)
    # Else a SIGTERM would end nox alone and leave the server behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    session.run(
        "python",
        "-m",
        "examples.server",
        *session.posargs,
        interrupt_timeout=1.0,
        terminate_timeout=STOP_TIMEOUT_S,
    )


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """The benchmarks; arguments choose among them."""
    _install(session, DEV)
    _install_siblings(session)
    session.run("python", "-m", "benchmarks", *session.posargs)


@nox.session(default=False)
def soak(session: nox.Session) -> None:
    """Stories on all cores, then the other suites with the long profile.

    `--minutes N`, `--seed N`, `--cores N`, `--report FILE`: of the stories.
    Paths of tests: these with the long profile, and no stories; `--examples N`
    after them: so many of each property.
    """
    _install(session, DEV)
    _install_wheels(session, DISTRIBUTIONS)
    told = session.posargs
    suites = () if not told or told[0].startswith("--") else told
    if not suites:
        session.run("python", "-m", "tools.soaking", *told)
    profile = ("-p", "tools.soak", "--timeout=0")
    usual = ("tests/property", "tests/crash", "tests/edge")
    session.run("python", "-m", "pytest", *profile, *(suites or usual))


@nox.session(default=False)
def fuzz(session: nox.Session) -> None:
    """Bytes against the decoders under Atheris; `tools.fuzz` says what it takes."""
    _install(session, DEV)
    _install(session, "requirements/fuzz.txt")
    _install_siblings(session)
    session.run("python", "-m", "tools.fuzz", *session.posargs)


@nox.session(default=False)
def mutants(session: nox.Session) -> None:
    """Bugs put into the sources, one by one: the tests must see them.

    Arguments choose modules (`-- wallet.decide strict`), `--every 5` a sample of them,
    `--again` what survived the last time.
    """
    _install(session, DEV)
    _install(session, "requirements/mutants.txt")
    _install_siblings(session)
    # Else a test could import what is installed instead of what is mutated.
    session.run("uv", "pip", "uninstall", "--quiet", "healthpay_core", "healthpay_wire")
    # Not in the session's own folder, which is made anew: `--again` wants what was.
    room = session.cache_dir / "mutants"
    session.run("python", "-m", "tools.mutants", f"--room={room}", *session.posargs)


@nox.session(default=False)
def pin(session: nox.Session) -> None:
    """Pin `requirements/*.txt` from the dependency groups: hashes, no addresses."""
    _compile(session, "dev")
    for group in ("nox", "serve", "images", "core", "mutants", "fuzz"):
        # The same versions everywhere.
        _compile(session, group, "--constraints", DEV)


def _compile(session: nox.Session, group: str, *options: str) -> None:
    pinned = ("--python-version=3.11", "--generate-hashes")
    bare = ("--quiet", "--no-header", "--no-annotate")
    out = f"--output-file=requirements/{group}.txt"
    chosen = ("--group", group, *options, *session.posargs)
    session.run("uv", "pip", "compile", *pinned, *bare, out, *chosen)


def _install(session: nox.Session, requirements: str) -> None:
    session.install("--require-hashes", "-r", requirements)


def _install_siblings(session: nox.Session) -> None:
    """The five as they are in the tree, so that an edit counts at once."""
    editable = [part for name in DISTRIBUTIONS for part in ("-e", f"./{name}")]
    session.install("--no-deps", "--build-constraints", DEV, *editable)


def _install_wheels(session: nox.Session, names: tuple[str, ...]) -> None:
    for name in names:
        _build(session, name, "--wheel")
    built = [str(_wheel(session, name)) for name in names]
    session.install("--no-deps", "--reinstall", *built)


def _fetch(session: nox.Session, *makers: str) -> None:
    """What tests would fetch themselves, before their time is counted."""
    for maker in makers:
        module, _, name = maker.partition(":")
        session.run("python", "-c", f"from {module} import {name}; print({name}())")


def _build(session: nox.Session, name: str, *kinds: str) -> None:
    pinned = ("--build-constraints", DEV, "--require-hashes")
    out = ("--out-dir", str(_dist(session)), "--quiet")
    session.run("uv", "build", *kinds, *pinned, *out, name)


def _dist(session: nox.Session) -> Path:
    return Path(session.virtualenv.location).absolute() / "dist"


def _wheel(session: nox.Session, name: str) -> Path:
    version = _project(name)["version"]
    return _dist(session) / f"{name}-{version}-py3-none-any.whl"


def _with_siblings(name: str) -> tuple[str, ...]:
    """A distribution and the siblings that it declares, directly or not."""
    declared = _project(name)["dependencies"]
    assert isinstance(declared, list)
    siblings = [
        str(requirement).partition("==")[0].replace("-", "_")
        for requirement in declared
        if str(requirement).startswith("healthpay-")
    ]
    return tuple(dict.fromkeys((name, *siblings)))


def _project(name: str) -> dict[str, object]:
    text = (ROOT / name / "pyproject.toml").read_text(encoding="utf-8")
    project = tomllib.loads(text)["project"]
    assert isinstance(project, dict)
    return project


# A registry that fails now and then is no fault of what is tested.
os.environ.setdefault("UV_HTTP_RETRIES", "10")
# The caller's package settings stay out: the requirements say it all.
os.environ.pop("PYTHONPATH", None)
