"""The half of the contract of a command port that is about its answers."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from healthpay_core.catalogue import Code
from healthpay_core.medcard.commands import ActivateMedCard
from healthpay_core.outcome import Committed, Outcome, Rejected
from healthpay_core.payment.commands import (
    AuthorizePayment,
    CapturePayment,
    RefundPayment,
)
from healthpay_core.ports import CommandPort
from healthpay_core.testing.builders import (
    card_id,
    command_id,
    create,
    funded,
    issue,
    opened,
    payment,
    payment_id,
    request,
    transfer,
    transfer_id,
    wallet_id,
    withdrawal,
)
from healthpay_core.testing.capabilities import Capability, needs
from healthpay_core.testing.port_room import (
    A,
    B,
    PortRoom,
    balance,
    code,
    fund,
    probe,
)
from healthpay_core.views import MedCardView, PaymentView, TransferView, WalletView


class AnsweringContract(PortRoom):
    """Outcomes, keys, versions, transfers, payments and cards."""

    def test_a_command_is_committed(self, port: CommandPort) -> None:
        """V5: the answer names the events and the resource as it is after them."""
        outcome = port.execute(request(create(A)))
        assert isinstance(outcome, Committed)
        assert isinstance(outcome.resource, WalletView)
        assert (outcome.resource.status, outcome.resource.version) == ("pending", 1)
        assert [ref.sequence for ref in outcome.events] == [1]
        assert not outcome.replayed

    def test_asyncio_gets_the_same_answers(self, port: CommandPort) -> None:
        """V5: a coroutine is answered as a thread is."""

        async def main() -> list[Outcome]:
            return [await port.submit(request(c)) for c in funded(A, 10)]

        outcomes = asyncio.run(main())
        assert balance(outcomes[-1]) == 10

    def test_a_refusal_is_an_answer(self, port: CommandPort) -> None:
        """E3: a refused command changes nothing, and says why by its code."""
        fund(port, A, 10)
        assert code(port.execute(request(withdrawal(A, 11)))) == (
            Code.INSUFFICIENT_FUNDS
        )
        assert balance(port.execute(request(withdrawal(A, 10)))) == 0

    def test_the_same_request_is_answered_again(self, port: CommandPort) -> None:
        """I4: the same id and fingerprint get the first answer, and nothing happens."""
        fund(port, A, 10)
        order = request(withdrawal(A, 4), fingerprint=b"x")
        first = port.execute(order)
        assert isinstance(first, Committed)
        assert port.execute(order) == replace(first, replayed=True)
        assert balance(port.execute(request(withdrawal(A, 1)))) == 5

    def test_a_pinned_refusal_is_answered_again(self, port: CommandPort) -> None:
        """I6: a decided refusal stays, also when it would succeed by now."""
        order = request(withdrawal(A, 4))
        for command in opened(A):
            port.execute(request(command))
        first = port.execute(order)
        assert isinstance(first, Rejected)
        port.execute(request(funded(A, 10)[2]))
        assert port.execute(order) == replace(first, replayed=True)

    def test_an_unpinned_refusal_is_decided_anew(self, port: CommandPort) -> None:
        """I6: what was not there yet may be there for the same request later."""
        order = request(withdrawal(A, 4))
        assert code(port.execute(order)) == Code.WALLET_NOT_FOUND
        fund(port, A, 10)
        assert balance(port.execute(order)) == 6

    def test_another_request_under_the_same_id_is_refused(
        self, port: CommandPort
    ) -> None:
        """I3: the same id with another fingerprint is no replay."""
        fund(port, A, 10)
        order = request(withdrawal(A, 4), fingerprint=b"x")
        port.execute(order)
        other = replace(order, fingerprint=b"y")
        assert code(port.execute(other)) == Code.IDEMPOTENCY_KEY_REUSED

    def test_the_expected_version_is_checked(self, port: CommandPort) -> None:
        """V3: a command for another version than the current one is refused."""
        fund(port, A, 10)
        order = request(withdrawal(A, 4), expected_version=2)
        assert code(port.execute(order)) == Code.VERSION_MISMATCH
        assert balance(port.execute(replace(order, expected_version=3))) == 6

    @needs(Capability.MULTI_STREAM)
    def test_a_transfer_moves_money_whole(self, port: CommandPort) -> None:
        """T4: both wallets have moved when a transfer is answered."""
        fund(port, A, 10)
        fund(port, B, 1)
        order = transfer(A, B, 4, name="t")
        outcome = port.execute(request(order))
        assert isinstance(outcome, Committed)
        first, *legs, last = [ref.aggregate_id for ref in outcome.events]
        assert first == last == transfer_id("t")
        # In steps the source has two: its money is held before it is booked.
        assert legs in ([A, B], [A, B, A])
        assert balance(port.execute(request(withdrawal(B, 5)))) == 0
        assert balance(port.execute(request(withdrawal(A, 6)))) == 0

    def test_an_answer_names_its_command_and_conversation(
        self, port: CommandPort
    ) -> None:
        """B5: outcomes carry the ids that the request came with."""
        order = replace(request(create(A)), correlation_id=command_id("talk"))
        again = request(create(A))
        done, refused = port.execute(order), port.execute(again)
        assert isinstance(done, Committed)
        assert isinstance(refused, Rejected)
        assert (done.command_id, done.correlation_id) == (
            order.command_id,
            command_id("talk"),
        )
        assert refused.command_id == refused.correlation_id == again.command_id

    def test_a_payment_goes_its_way(self, port: CommandPort) -> None:
        """P1, P2, P4, P10, P11: held, captured in part, the rest released, returned."""
        fund(port, A, 100)
        shop, name = wallet_id("shop"), payment_id("p")
        for command in opened(shop, wallet_type="merchant"):
            port.execute(request(command))
        steps = (
            (payment(A, shop, 60, name="p"), "initiated", (0, 0, 0)),
            (AuthorizePayment(payment_id=name), "authorized", (60, 0, 0)),
            (CapturePayment(payment_id=name, amount=40), "captured", (60, 40, 0)),
            (
                RefundPayment(payment_id=name, amount=10),
                "partially_refunded",
                (60, 40, 10),
            ),
        )
        for command, status, amounts in steps:
            outcome = port.execute(request(command))
            assert isinstance(outcome, Committed), outcome
            view = outcome.resource
            assert isinstance(view, PaymentView)
            assert view.status == status
            found = (view.authorized_amount, view.captured_amount, view.refunded_amount)
            assert found == amounts
        too_much = RefundPayment(payment_id=name, amount=31)
        assert code(port.execute(request(too_much))) == Code.REFUND_EXCEEDS_CAPTURED
        assert (probe(port, A), probe(port, shop)) == (70, 30)

    def test_a_card_goes_its_way(self, port: CommandPort) -> None:
        """D1, D3: a card is issued inactive on an active wallet, then activated."""
        order = issue(card_id("c"), A)
        assert code(port.execute(request(order))) == Code.WALLET_NOT_FOUND
        fund(port, A, 1)
        for command, status in (
            (order, "issued"),
            (ActivateMedCard(card_id=card_id("c")), "active"),
        ):
            outcome = port.execute(request(command))
            assert isinstance(outcome, Committed), outcome
            assert isinstance(outcome.resource, MedCardView)
            assert outcome.resource.status == status

    @needs(Capability.REOPEN)
    def test_a_reopened_port_knows_what_it_answered(self, port: CommandPort) -> None:
        """I4, I7: after a restart keys are known, and money is where it was."""
        fund(port, A, 10)
        order = request(withdrawal(A, 4), fingerprint=b"x")
        refused = request(withdrawal(A, 11))
        first, second = port.execute(order), port.execute(refused)
        assert isinstance(first, Committed)
        assert isinstance(second, Rejected)
        reopened = self.reopen_port(port)
        assert reopened.execute(order) == replace(first, replayed=True)
        assert reopened.execute(refused) == replace(second, replayed=True)
        other = replace(order, fingerprint=b"y")
        assert code(reopened.execute(other)) == Code.IDEMPOTENCY_KEY_REUSED
        assert probe(reopened, A) == 6
        self.close_port(reopened)

    def test_what_it_is_without_it_refuses(
        self, port: CommandPort, capability: Capability
    ) -> None:
        """T5: without several streams a transfer is a saga; without a past, none is."""
        stale = f"it is declared to be without {capability}, and has it"
        fund(port, A, 10)
        if capability is Capability.REOPEN:
            if type(self).reopen_port is not PortRoom.reopen_port:
                port = self.reopen_port(port)
                assert code(port.execute(request(withdrawal(A, 1)))) == (
                    Code.WALLET_NOT_FOUND
                ), stale
            again = self.make_port()
            gone = again.execute(request(withdrawal(A, 1)))
            assert code(gone) == Code.WALLET_NOT_FOUND, stale
            self.close_port(again)
            return
        fund(port, B, 1)
        outcome = port.execute(request(transfer(A, B, 4, name="t")))
        assert isinstance(outcome, Committed), outcome
        assert isinstance(outcome.resource, TransferView)
        assert {ref.aggregate_id for ref in outcome.events} == {transfer_id("t")}, stale
        assert outcome.resource.status == "completed"
        assert (probe(port, A), probe(port, B)) == (6, 5)
