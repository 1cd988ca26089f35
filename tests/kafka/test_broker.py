"""The broker for tests: real, and never silently absent."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from confluent_kafka.admin import AdminClient

from tools.broker import Broker, BrokerError
from tools.broker.broker import GIVEN
from tools.broker.jars import kafka_jars
from tools.fetching import fetched


def cluster_id(broker: Broker) -> str:
    """What the broker says its cluster is."""
    admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers})
    return admin.cluster_id(timeout=30)


def test_a_node_is_killed_paused_and_started_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A node keeps its ports and its data over whatever is done to it."""
    monkeypatch.delenv(GIVEN, raising=False)
    with Broker() as broker:
        node, cluster = broker.nodes[0], cluster_id(broker)
        pid = node.pid
        node.pause()
        assert node.is_running()
        node.resume()
        assert cluster_id(broker) == cluster
        node.kill()
        assert not node.is_running()
        with pytest.raises(BrokerError, match="is not running"):
            _ = node.pid
        node.start()
        broker.wait_until_ready()
        assert cluster_id(broker) == cluster
        node.restart()
        broker.wait_until_ready()
        assert cluster_id(broker) == cluster
        assert node.pid != pid
        folder = node.log.parent
    assert not node.is_running()
    assert not folder.exists()


def test_a_node_that_ends_fails_the_run_with_its_log(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No broker is an error that shows why, never a skipped test."""
    monkeypatch.delenv(GIVEN, raising=False)
    # Less than the log cleaner's buffer, let alone the rest.
    with pytest.raises(BrokerError, match="OutOfMemoryError"):
        Broker(heap_mb=9).__enter__()


STARTS = """
import sys
from tools.broker import Broker
with Broker() as broker:
    print(broker.nodes[0].pid, flush=True)
    sys.stdin.read()
"""


def test_a_broker_ends_with_a_run_that_is_killed() -> None:
    """A run that is killed leaves no broker behind to slow down the next one."""
    environment = {k: v for k, v in os.environ.items() if k != GIVEN}
    run = subprocess.Popen(
        [sys.executable, "-c", STARTS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**environment, "PYTHONPATH": "."},
    )
    with run:
        assert run.stdout is not None
        node = psutil.Process(int(run.stdout.readline()))
        assert "kafka.Kafka" in node.cmdline()
        run.kill()
        node.wait(timeout=30)
    assert not node.is_running()


def test_a_given_broker_is_used(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`KAFKA_BOOTSTRAP_SERVERS` names a broker that somebody else looks after."""
    monkeypatch.setenv(GIVEN, broker.bootstrap_servers)
    with Broker() as given:
        assert given.nodes == []
        assert cluster_id(given) == cluster_id(broker)
    assert cluster_id(broker)


def test_a_given_broker_that_does_not_answer_fails_the_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A wrong `KAFKA_BOOTSTRAP_SERVERS` is an error too."""
    monkeypatch.setenv(GIVEN, "127.0.0.1:9")
    monkeypatch.setattr("tools.broker.broker._START_TIMEOUT_S", 0.5)
    with pytest.raises(BrokerError, match=r"no broker at 127\.0\.0\.1:9"):
        Broker().__enter__()


def test_missing_java_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Java the run fails and says what it needs."""
    jars = kafka_jars()
    monkeypatch.delenv(GIVEN, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(jars.parent.parent))
    with pytest.raises(BrokerError, match="java is needed"):
        Broker().__enter__()


def test_missing_maven_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without Maven and without fetched jars the run fails and says so."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(BrokerError, match="mvn is needed"):
        kafka_jars()


def test_a_broken_fetch_leaves_nothing_that_looks_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Maven's failure is shown, and the next run fetches again."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    fake = tmp_path / "mvn"
    fake.write_text("#!/bin/sh\necho no route to anywhere\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr("tools.fetching._PAUSE_S", 0.0)
    with pytest.raises(BrokerError, match="no route to anywhere"):
        kafka_jars()
    assert not list((tmp_path / "healthpay").iterdir())


def test_a_fetch_that_fails_once_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of the network that passes does not fail a run."""
    monkeypatch.setattr("tools.fetching._PAUSE_S", 0.0)
    script = 'echo again >> tried; test "$(wc -l < tried)" -gt 1'
    done = fetched(["sh", "-c", script], folder=tmp_path, timeout_s=60)
    assert done.returncode == 0
    assert (tmp_path / "tried").read_text() == "again\nagain\n"
    done = fetched(
        ["sh", "-c", "echo >> failed; exit 7"], folder=tmp_path, timeout_s=60
    )
    assert done.returncode == 7
    assert (tmp_path / "failed").read_text() == "\n" * 3
    slow = fetched(["sleep", "60"], folder=tmp_path, timeout_s=0.05)
    assert slow.returncode
    assert "timed out" in slow.stderr
