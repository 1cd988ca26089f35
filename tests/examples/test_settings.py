from __future__ import annotations

import re
from inspect import getdoc
from pathlib import Path

import attrs
import pytest

from examples.server.parsing import KafkaRelay, SqliteStore
from examples.server.settings import (
    PARSERS,
    Settings,
    SettingsError,
    load,
    variable,
)
from healthpay_core import EG_2023_11, NO_LIMITS
from healthpay_core.policy import Limits
from healthpay_kafka import Topics

SERVERS = "k1:9092,k2:9093"


def _refused(monkeypatch: pytest.MonkeyPatch, **environment: str) -> tuple[str, ...]:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as refused:
        load()
    return refused.value.problems


def test_without_any_variable_the_documented_defaults_hold() -> None:
    """Nothing has to be set: loopback, port 3000, a file here, the example limits."""
    assert load() == Settings(
        host="127.0.0.1",
        port=3000,
        store=SqliteStore(path=Path("healthpay.db")),
        limit_policy=EG_2023_11,
    )


def test_every_setting_has_a_parser_and_a_line_of_documentation() -> None:
    """A setting that cannot be set, or that nobody explained, is a defect."""
    names = set(attrs.fields_dict(Settings))
    assert names == set(PARSERS)
    documented = re.findall(r"^ {4}(\w+): ", getdoc(Settings) or "", re.MULTILINE)
    assert names == set(documented)


def test_each_variable_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the environment says is what the server does."""
    said = {
        "host": ("::1", "::1"),
        "port": ("0", 0),
        "store": ("sqlite:///a.db", SqliteStore(path=Path("a.db"))),
        "read_model": ("sqlite:///b.db", SqliteStore(path=Path("b.db"))),
        "reply_partition": ("3", 3),
        "relay": (f"kafka://{SERVERS}", KafkaRelay(servers=SERVERS, topics=Topics())),
        "relay_max_lag_s": ("5", 5),
        "synchronous": ("normal", "NORMAL"),
        "limit_policy": ("none", NO_LIMITS),
        "log_level": ("DEBUG", "debug"),
        "max_body_bytes": ("1000", 1000),
        "max_in_flight": ("7", 7),
        "drain_s": ("0", 0),
        "stop_timeout_s": ("5", 5),
        "keep_alive_s": ("6", 6),
        "read_timeout_s": ("4", 4),
        "sweep_every_s": ("9", 9),
    }
    for name, (text, _) in said.items():
        monkeypatch.setenv(variable(name), text)
    expected = {name: value for name, (_, value) in said.items()}
    assert attrs.asdict(load(), recurse=False) == expected


def test_every_fault_of_the_environment_is_said_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One start shows all that is wrong, not one fault per start."""
    problems = _refused(
        monkeypatch,
        HEALTHPAY_PORT="70000",
        HEALTHPAY_HOST="0.0.0.0",
        HEALTHPAY_LOG_LEVEL="loud",
        HEALTHPAY_STORE="kafka://broker",
        HEALTHPAY_PROT="3000",
    )
    assert len(problems) == 5
    text = "\n".join(problems)
    assert "HEALTHPAY_PORT: must be an integer from 0 to 65535, not '70000'" in text
    assert "HEALTHPAY_HOST: must be a loopback address" in text
    assert "HEALTHPAY_LOG_LEVEL: must be one of debug, info" in text
    assert "HEALTHPAY_STORE: must name HOST:PORT after kafka://" in text
    assert "HEALTHPAY_PROT: is not a setting; did you mean HEALTHPAY_PORT?" in text


def test_an_unknown_variable_never_shows_its_value(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It may be somebody's secret: the log of a failed start is widely read."""
    problems = _refused(monkeypatch, HEALTHPAY_JWT_SECRET="hunter2-secret")
    assert "HEALTHPAY_JWT_SECRET: is not a setting" in problems[0]
    assert "hunter2" not in "\n".join(problems)


def test_a_password_in_a_store_url_is_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A refused URL is shown without the user and the password in it."""
    problems = _refused(monkeypatch, HEALTHPAY_STORE="postgresql://me:hunter2@db/pay")
    (problem,) = problems
    assert problem.endswith("or memory:, not 'postgresql://***@db/pay'")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.1.2.3", "example.org", ""])
def test_without_authentication_only_this_machine_is_served(
    monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    """Any address that others may reach is refused, with the reason."""
    (problem,) = _refused(monkeypatch, HEALTHPAY_HOST=host)
    assert "no authentication" in problem


@pytest.mark.parametrize("port", ["-1", "65536", "3e3", " 3000", "٣", "", "0x10"])
def test_a_port_is_a_plain_decimal_number(
    monkeypatch: pytest.MonkeyPatch, port: str
) -> None:
    """What looks like a number to Python alone is not one here."""
    (problem,) = _refused(monkeypatch, HEALTHPAY_PORT=port)
    assert problem.startswith("HEALTHPAY_PORT: must be an integer")


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:///here.db", "here.db"),
        ("sqlite:////srv/pay/here.db", "/srv/pay/here.db"),
        ("sqlite:///with%20space.db", "with space.db"),
    ],
)
def test_a_store_url_names_a_file(
    monkeypatch: pytest.MonkeyPatch, url: str, path: str
) -> None:
    """Three slashes are relative to the working directory, four are absolute."""
    monkeypatch.setenv("HEALTHPAY_STORE", url)
    assert load().store == SqliteStore(path=Path(path))


@pytest.mark.parametrize(
    "url", ["sqlite:///", "sqlite://here.db", "here.db", ":memory:"]
)
def test_a_store_url_that_names_none_is_refused(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    """No guess is made about where money is kept."""
    (problem,) = _refused(monkeypatch, HEALTHPAY_STORE=url)
    assert "must be sqlite:///FILE, kafka://HOST:PORT or memory:" in problem


POLICY = """
id = "clinic"
version = 3
uniqueReferences = true
[[rows]]
walletType = "personal"
kycLevel = "basic"
currency = "EGP"
perDay = 500
dailyCount = 2
"""


def test_a_policy_file_becomes_the_limits_in_force(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """K1: limits are data, with an id and a version, of whoever runs the server."""
    file = tmp_path / "limits.toml"
    file.write_text(POLICY)
    monkeypatch.setenv("HEALTHPAY_LIMIT_POLICY", str(file))
    policy = load().limit_policy
    assert (policy.ref.id, policy.ref.version) == ("clinic", 3)
    assert policy.unique_references
    expected = Limits(per_day=500, daily_count=2)
    assert policy.limits("personal", "basic", "EGP") == expected


def test_every_fault_of_a_policy_file_is_said_with_its_place(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """K1: a policy with a slip in it is refused, never half read."""
    file = tmp_path / "limits.json"
    file.write_text(
        '{"id": "x", "version": "1", "rows": [{"walletType": "private",'
        ' "kycLevel": "basic", "currency": "XXX", "perDay": -1, "perWeek": 2}]}'
    )
    problems = _refused(monkeypatch, HEALTHPAY_LIMIT_POLICY=str(file))
    places = {
        problem.removeprefix(f"HEALTHPAY_LIMIT_POLICY: {file}: ").split()[0]
        for problem in problems
    }
    assert places == {
        "/version",
        "/rows/0/walletType",
        "/rows/0/currency",
        "/rows/0/perDay",
        "/rows/0/perWeek",
    }


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("gone.toml", None, "cannot be read"),
        ("broken.toml", "id = ", "is not TOML"),
        ("broken.json", "{", "is not JSON"),
        ("limits.yaml", "", "must be EG-2023-11, none or a .json or .toml file"),
        ("twice.toml", POLICY + POLICY[POLICY.index("[[") :], "two rows of one kind"),
    ],
)
def test_a_policy_file_that_cannot_be_used_is_refused(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    name: str,
    content: str | None,
    text: str,
) -> None:
    """K1: the server does not start with other limits than it was told."""
    if content is not None:
        (tmp_path / name).write_text(content)
    (problem,) = _refused(monkeypatch, HEALTHPAY_LIMIT_POLICY=str(tmp_path / name))
    assert text in problem


@pytest.mark.parametrize(
    ("query", "topics"),
    [
        ("", Topics()),
        ("/?", Topics()),
        ("/clinic", Topics(prefix="clinic")),
        (
            "?partitions=3&replication=1&min_insync=1",
            Topics(partitions=3, replication=1, min_insync=1),
        ),
    ],
)
def test_a_relay_url_says_how_the_topics_are(
    monkeypatch: pytest.MonkeyPatch, query: str, topics: Topics
) -> None:
    """What it does not say is as usual."""
    monkeypatch.setenv("HEALTHPAY_RELAY", f"kafka://{SERVERS}{query}")
    assert load().relay == KafkaRelay(servers=SERVERS, topics=topics)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "must be none or kafka://HOST:PORT"),
        ("k1:9092", "must be none or kafka://HOST:PORT"),
        ("http://me:hunter2@k1:9092", "not 'http://***@k1:9092'"),
        ("kafka://", "must name HOST:PORT"),
        ("kafka://k1", "must name HOST:PORT"),
        ("kafka://k1:9092,", "must name HOST:PORT"),
        ("kafka://me:hunter2@k1:9092", "not 'kafka://***@k1:9092'"),
        ("kafka://me:hun/ter2@k1:9092", "not 'kafka://***@k1:9092'"),
        ("kafka://me:hun@ter2@k1:9092", "not 'kafka://***@k1:9092'"),
        ("kafka:me:hunter2@k1:9092", "not 'kafka://***@k1:9092'"),
        ("kafka://k1:9092?acks=0", "knows the parameters partitions, reply"),
        ("kafka://k1:9092/a/b", "prefix is letters"),
        ("kafka://k1:9092?partitions=0", "must be an integer from 1"),
        ("kafka://k1:9092?replication=1", "not the numbers of any topics"),
    ],
)
def test_a_wrong_relay_url_is_refused_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, text: str, said: str
) -> None:
    """The server does not start with a relay that could never publish."""
    (problem,) = _refused(monkeypatch, HEALTHPAY_RELAY=text)
    assert problem.startswith("HEALTHPAY_RELAY: ")
    assert said in problem
    assert "hunter2" not in problem


def test_a_relay_needs_a_store_that_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """V7: positions of a store in memory begin anew with each start."""
    monkeypatch.setenv("HEALTHPAY_RELAY", "kafka://k1:9092")
    (problem,) = _refused(monkeypatch, HEALTHPAY_STORE="memory:")
    assert problem == "HEALTHPAY_RELAY: needs HEALTHPAY_STORE=sqlite:///FILE"
