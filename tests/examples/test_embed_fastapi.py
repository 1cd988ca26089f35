from __future__ import annotations

from pathlib import Path

from starlette.testclient import TestClient

from examples.embed_fastapi import service
from healthpay_core import new_id


def test_the_mounted_api_works_beside_the_services_own_routes(tmp_path: Path) -> None:
    """H1: a wallet made under the mount is stored, and found after a restart."""
    file, wallet = tmp_path / "clinic.db", new_id()
    body = {
        "walletId": wallet,
        "ownerId": "o",
        "walletType": "personal",
        "currency": "EGP",
        "kycLevel": "basic",
    }
    with TestClient(service(file)) as client:
        assert client.get("/appointments").json() == []
        made = client.post(
            "/pay/v1/wallets", json=body, headers={"Idempotency-Key": "one"}
        )
        assert made.status_code == 201
    with TestClient(service(file)) as client:
        assert client.get(f"/pay/v1/wallets/{wallet}").json() == {
            "wallet": made.json()["wallet"]
        }


def test_before_the_lifespan_the_mounted_api_says_503(tmp_path: Path) -> None:
    """A host that forgot to enter `running` is told so, not served from nothing."""
    client = TestClient(service(tmp_path / "clinic.db"))
    assert client.get(f"/pay/v1/wallets/{new_id()}").status_code == 503
