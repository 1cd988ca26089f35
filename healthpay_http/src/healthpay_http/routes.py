"""The one route table: routing, OpenAPI and the docs page are made from it."""

from __future__ import annotations

from typing import Final

from healthpay_core import Code
from healthpay_http import bodies
from healthpay_http.payment_routes import PAYMENT_ROUTES
from healthpay_http.route import COMMAND, EXISTING, MONEY, QUERY, Answer, Route

ROUTES: Final[tuple[Route, ...]] = (
    Route(
        method="POST",
        path="/v1/wallets",
        operation="wallet.create",
        summary="Open a wallet, pending and empty",
        success=201,
        answer="WalletCommitted",
        codes=COMMAND | {Code.UNSUPPORTED_CURRENCY, Code.WALLET_ALREADY_EXISTS},
        scope="wallet:create",
        body=bodies.CreateWalletBody,
    ),
    Route(
        method="POST",
        path="/v1/wallets/{walletId}/activate",
        operation="wallet.activate",
        summary="Activate a pending wallet, or resume a suspended one",
        success=200,
        answer="WalletCommitted",
        codes=EXISTING | {Code.INVALID_STATE_TRANSITION, Code.KYC_LEVEL_INSUFFICIENT},
        scope="wallet:activate",
        body=bodies.ActivateWalletBody,
        resource="wallet",
    ),
    Route(
        method="POST",
        path="/v1/wallets/{walletId}/suspend",
        operation="wallet.suspend",
        summary="Stop new obligations of a wallet",
        success=200,
        answer="WalletCommitted",
        codes=EXISTING | {Code.INVALID_STATE_TRANSITION},
        scope="wallet:suspend",
        body=bodies.SuspendWalletBody,
        resource="wallet",
    ),
    Route(
        method="POST",
        path="/v1/wallets/{walletId}/close",
        operation="wallet.close",
        summary="End a wallet, moving the rest first when `sweepTo` is given",
        success=200,
        answer="WalletCommitted",
        codes=(EXISTING | MONEY | {Code.DESTINATION_WALLET_NOT_FOUND})
        - {Code.UNSUPPORTED_CURRENCY, Code.INVALID_AMOUNT}
        | {Code.WALLET_HAS_BALANCE, Code.WALLET_HAS_OPEN_HOLDS}
        | {Code.TRANSFER_ALREADY_EXISTS},
        scope="wallet:close",
        body=bodies.CloseWalletBody,
        resource="wallet",
    ),
    Route(
        method="POST",
        path="/v1/wallets/{walletId}/kyc-level",
        operation="wallet.kyc_level",
        summary="Give a wallet another KYC level",
        success=200,
        answer="WalletCommitted",
        codes=EXISTING | {Code.INVALID_STATE_TRANSITION},
        scope="wallet:kyc",
        body=bodies.ChangeKycLevelBody,
        resource="wallet",
    ),
    Route(
        method="POST",
        path="/v1/wallets/{walletId}/credit",
        operation="wallet.credit",
        summary="Bring money in",
        success=200,
        answer="WalletCommitted",
        codes=EXISTING | MONEY | {Code.REASON_NOT_ALLOWED, Code.DUPLICATE_REFERENCE},
        scope="wallet:credit",
        body=bodies.CreditWalletBody,
        resource="wallet",
    ),
    Route(
        method="POST",
        path="/v1/wallets/{walletId}/debit",
        operation="wallet.debit",
        summary="Take money out",
        success=200,
        answer="WalletCommitted",
        codes=EXISTING
        | MONEY
        | {Code.REASON_NOT_ALLOWED, Code.DUPLICATE_REFERENCE}
        | {Code.INSUFFICIENT_FUNDS},
        scope="wallet:debit",
        body=bodies.DebitWalletBody,
        resource="wallet",
    ),
    Route(
        method="POST",
        path="/v1/transfers",
        operation="transfer.create",
        summary="Move money between two wallets, both legs or none",
        success=201,
        answer="TransferCommitted",
        codes=COMMAND
        | MONEY
        | {
            Code.SELF_TRANSFER_NOT_ALLOWED,
            Code.TRANSFER_ALREADY_EXISTS,
            Code.TRANSFER_TIMEOUT,
            Code.DUPLICATE_REFERENCE,
            Code.SOURCE_WALLET_NOT_FOUND,
            Code.DESTINATION_WALLET_NOT_FOUND,
            Code.WALLET_CLOSED,
            Code.INSUFFICIENT_FUNDS,
        },
        scope="transfer:create",
        body=bodies.TransferFundsBody,
    ),
    *PAYMENT_ROUTES,
    Route(
        method="GET",
        path="/v1/wallets/{walletId}",
        operation="wallet.get",
        summary="A wallet now, at a version, or at an instant",
        success=200,
        answer="WalletAnswer",
        codes=QUERY | {Code.WALLET_NOT_FOUND},
        scope="wallet:read",
        query=("version", "at"),
        resource="wallet",
    ),
    Route(
        method="GET",
        path="/v1/wallets/{walletId}/events",
        operation="wallet.events",
        summary="The history of a wallet, oldest first",
        success=200,
        answer="EventPage",
        codes=QUERY | {Code.WALLET_NOT_FOUND},
        scope="wallet:read",
        query=("after", "limit"),
        resource="wallet",
    ),
    Route(
        method="GET",
        path="/v1/transfers/{transferId}",
        operation="transfer.get",
        summary="A transfer",
        success=200,
        answer="TransferAnswer",
        codes=QUERY | {Code.TRANSFER_NOT_FOUND},
        scope="wallet:read",
        resource="transfer",
    ),
    Route(
        method="GET",
        path="/v1/commands/{commandId}",
        operation="command.get",
        summary="What became of a command",
        success=200,
        answer="CommandAnswer",
        codes=QUERY | {Code.COMMAND_NOT_FOUND},
        scope="wallet:read",
        resource="command",
    ),
    Route(
        method="GET",
        path="/livez",
        operation="live",
        summary="200 while the process serves",
        success=200,
        answer="Health",
    ),
    Route(
        method="GET",
        path="/readyz",
        operation="ready",
        summary="Whether requests can be taken, with each dependency's state",
        success=200,
        answer="Health",
    ),
    Route(
        method="GET",
        path="/health",
        operation="health",
        summary="As /readyz",
        success=200,
        answer="Health",
    ),
    Route(
        method="GET",
        path="/metrics",
        operation="metrics",
        summary="Prometheus text",
        success=200,
        answer="text",
    ),
    Route(
        method="GET",
        path="/openapi.json",
        operation="openapi",
        summary="This document",
        success=200,
        answer="OpenApi",
    ),
    Route(
        method="GET",
        path="/docs",
        operation="docs",
        summary="The interactive page; works offline",
        success=200,
        answer="html",
    ),
    Route(
        method="GET",
        path="/problems/{slug}",
        operation="problem",
        summary="A kind of problem, explained to people",
        success=200,
        answer="html",
        codes=frozenset({Code.ROUTE_NOT_FOUND}),
    ),
)

CONDITIONAL_CANDIDATES: Final = frozenset(
    route.operation for route in ROUTES if Code.PRECONDITION_REQUIRED in route.codes
)
"""The operations that can be configured to want `If-Match` (V4)."""

__all__ = ["CONDITIONAL_CANDIDATES", "ROUTES", "Answer", "Route"]
