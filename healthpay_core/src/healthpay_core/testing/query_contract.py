"""The contract of query ports: they show what was committed, now and then."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from healthpay_core.domain import Command
from healthpay_core.ids import new_id
from healthpay_core.outcome import CommandRequest, Committed
from healthpay_core.payment.commands import AuthorizePayment, CapturePayment
from healthpay_core.ports import CommandPort
from healthpay_core.queries import QueryPort
from healthpay_core.testing.builders import (
    card_id,
    deposit,
    funded,
    issued,
    opened,
    payment,
    payment_id,
    request,
    transfer,
    transfer_id,
    wallet_id,
    withdrawal,
)
from healthpay_core.testing.capabilities import Contract
from healthpay_core.views import MedCardView, PaymentView, TransferView, WalletView

_A, _B, _SHOP = wallet_id("a"), wallet_id("b"), wallet_id("shop")
_ORDERS: tuple[Command, ...] = (
    *funded(_A, 100),
    *opened(_B),
    *opened(_SHOP, wallet_type="merchant"),
    transfer(_A, _B, 30, name="t"),
    *issued(card_id("c"), _A),
    payment(_A, _SHOP, 20, name="p", card=card_id("c")),
    AuthorizePayment(payment_id=payment_id("p")),
    CapturePayment(payment_id=payment_id("p"), amount=15),
    deposit(_A, 1),
)


class QueryPortContract(Contract):
    """What every query port must do beside the command port that it belongs to.

    Inherit, name the class `Test...`, and write `make_ports`: the two over one empty
    store, without limits. Write `close_ports` where there is something to let go
    of, and `settle` for a read model that lags.

    ```python
    class TestMyQueries(QueryPortContract):
        def make_ports(self) -> tuple[CommandPort, QueryPort]:
            store = MyStore(Path("events"))
            handler = CommandHandler(store, policy=NO_LIMITS)
            return LocalRuntime(handler), MyQueries(store)
    ```
    """

    def make_ports(self) -> tuple[CommandPort, QueryPort]:
        """The two, over one empty store; limits as of `NO_LIMITS`."""
        raise NotImplementedError

    def close_ports(self, ports: tuple[CommandPort, QueryPort]) -> None:
        """Let go of what `make_ports` has opened."""

    def settle(self, queries: QueryPort) -> None:
        """Wait until what was committed can be seen; at once when not said."""

    @pytest.fixture
    def ports(self) -> Iterator[tuple[CommandPort, QueryPort]]:
        """The two of one test."""
        ports = self.make_ports()
        yield ports
        self.close_ports(ports)

    def test_what_is_not_there_is_none(
        self, ports: tuple[CommandPort, QueryPort]
    ) -> None:
        """E2: nothing is found under an id that nobody has used."""
        _, queries = ports
        unused = new_id()
        assert queries.wallet(unused) is None
        assert queries.wallet(unused, version=1) is None
        assert queries.transfer(unused) is None
        assert queries.payment(unused) is None
        assert queries.medcard(unused) is None
        assert queries.command(unused) is None
        assert list(queries.wallet_events(unused)) == list(queries.feed()) == []

    def test_every_resource_is_as_it_was_answered(
        self, ports: tuple[CommandPort, QueryPort]
    ) -> None:
        """V5: after each command its resource is what the answer showed."""
        port, queries = ports
        for command in _ORDERS:
            outcome = self._do(ports, request(command))
            view = outcome.resource
            match view:
                case WalletView():
                    assert queries.wallet(view.wallet_id) == view
                case TransferView():
                    assert queries.transfer(view.transfer_id) == view
                case PaymentView():
                    assert queries.payment(view.payment_id) == view
                case MedCardView():
                    assert queries.medcard(view.card_id) == view
        assert self._balances(queries) == (56, 30, 15)
        assert queries.transfer(_A) is None
        assert queries.wallet(transfer_id("t")) is None
        del port

    def test_the_past_is_as_it_was(self, ports: tuple[CommandPort, QueryPort]) -> None:
        """A1: a wallet at a version, and at an instant, is what it was then."""
        _, queries = ports
        seen: list[WalletView] = []
        for command in (*funded(_A, 100), deposit(_A, 5), withdrawal(_A, 50)):
            view = self._do(ports, request(command)).resource
            assert isinstance(view, WalletView)
            seen.append(view)
        for view in seen:
            assert queries.wallet(_A, version=view.version) == view
        assert queries.wallet(_A, version=0) is None
        assert queries.wallet(_A, version=len(seen) + 1) is None
        events = queries.wallet_events(_A)
        instants = [recorded.envelope.meta.occurred_at for recorded in events]
        assert queries.wallet(_A, at=instants[0] - 1) is None
        for at in instants:
            last = max(n for n, other in enumerate(instants) if other <= at)
            assert queries.wallet(_A, at=at) == seen[last]

    def test_events_are_read_in_pages(
        self, ports: tuple[CommandPort, QueryPort]
    ) -> None:
        """V7: the events of a wallet and the feed start after a place and end."""
        _, queries = ports
        for command in _ORDERS:
            self._do(ports, request(command))
        everything = list(queries.feed())
        assert [r.position for r in everything] == list(range(1, len(everything) + 1))
        own = [r for r in everything if r.envelope.aggregate_id == _A]
        assert list(queries.wallet_events(_A)) == own
        for after, limit in ((0, 2), (1, 2), (2, 100), (len(own), 5)):
            page = list(queries.wallet_events(_A, after=after, limit=limit))
            assert page == own[after : after + limit]
            assert list(queries.feed(after, limit)) == everything[after : after + limit]

    def test_a_command_is_found_by_its_id(
        self, ports: tuple[CommandPort, QueryPort]
    ) -> None:
        """I4, I6: what was decided for good is found, with its fingerprint."""
        port, queries = ports
        for command in funded(_A, 10):
            self._do(ports, request(command))
        done = request(withdrawal(_A, 4), fingerprint=b"\x00x")
        refused = request(withdrawal(_A, 40), fingerprint=b"y")
        for order in (done, refused):
            outcome = port.execute(order)
            self.settle(queries)
            record = queries.command(order.command_id)
            assert record is not None
            assert record.outcome == outcome
            assert record.fingerprint == order.fingerprint

    def _do(
        self, ports: tuple[CommandPort, QueryPort], order: CommandRequest
    ) -> Committed:
        outcome = ports[0].execute(order)
        assert isinstance(outcome, Committed), outcome
        self.settle(ports[1])
        return outcome

    def _balances(self, queries: QueryPort) -> tuple[int, ...]:
        views = [queries.wallet(wallet) for wallet in (_A, _B, _SHOP)]
        return tuple(-1 if view is None else view.balance for view in views)
