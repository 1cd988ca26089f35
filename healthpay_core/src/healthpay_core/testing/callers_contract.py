"""The half of the contract of a command port that is about many callers at once."""

from __future__ import annotations

import asyncio
from functools import partial

from healthpay_core.catalogue import Code
from healthpay_core.outcome import Committed, Outcome
from healthpay_core.ports import CommandPort
from healthpay_core.testing.appends import race
from healthpay_core.testing.builders import request, transfer, wallet_id, withdrawal
from healthpay_core.testing.port_room import (
    A,
    B,
    PortRoom,
    balance,
    code,
    fund,
    probe,
    settled,
)
from healthpay_core.views import WalletView


class CallersContract(PortRoom):
    """Threads and coroutines that want the same money, or use the same key."""

    def test_exactly_the_covered_debits_succeed(self, port: CommandPort) -> None:
        """C8: of 40 threads that debit a balance good for 10, 10 succeed."""
        fund(port, A, 10)
        outcomes = race(
            *(partial(port.execute, request(withdrawal(A, 1))) for _ in range(40))
        )
        codes = [code(o) for o in outcomes if not isinstance(o, Committed)]
        assert codes == [Code.INSUFFICIENT_FUNDS] * 30

    def test_many_with_one_key_have_one_effect(self, port: CommandPort) -> None:
        """I9: 50 callers with one key: one effect, the others replayed or in use."""
        fund(port, A, 100)
        order = request(withdrawal(A, 1), fingerprint=b"x")
        outcomes = race(*(partial(port.execute, order) for _ in range(50)))
        first = [o for o in outcomes if isinstance(o, Committed) and not o.replayed]
        assert len(first) == 1
        others = {code(o) for o in outcomes if not isinstance(o, Committed)}
        assert others <= {Code.IDEMPOTENCY_KEY_IN_USE}
        assert balance(port.execute(request(withdrawal(A, 1)))) == 98

    def test_coroutines_with_one_key_have_one_effect(self, port: CommandPort) -> None:
        """I9: the same for coroutines of one event loop."""
        fund(port, A, 100)
        order = request(withdrawal(A, 1), fingerprint=b"x")

        async def main() -> list[Outcome]:
            return await asyncio.gather(*(port.submit(order) for _ in range(50)))

        outcomes = asyncio.run(main())
        first = [o for o in outcomes if isinstance(o, Committed) and not o.replayed]
        assert len(first) == 1
        assert balance(port.execute(request(withdrawal(A, 1)))) == 98

    def test_transfers_to_and_fro_keep_the_sum(self, port: CommandPort) -> None:
        """C6: transfers in both directions at once neither make nor lose money."""
        fund(port, A, 50)
        fund(port, B, 50)
        pairs = [(A, B), (B, A)] * 10
        race(*(partial(port.execute, request(transfer(*pair, 7))) for pair in pairs))
        left = [probe(port, wallet) for wallet in (A, B)]
        assert sum(left) == 100

    def test_everyone_gets_their_own_answer(self, port: CommandPort) -> None:
        """V5: of many callers at once each is told what became of their command."""
        wallets = [wallet_id(f"own {number}") for number in range(8)]
        for wallet in wallets:
            fund(port, wallet, 100)
        orders = [request(withdrawal(w, 1 + n)) for n, w in enumerate(wallets)]
        threads = race(*(partial(port.execute, order) for order in orders))

        async def main() -> list[Outcome]:
            again = [request(withdrawal(w, 1 + n)) for n, w in enumerate(wallets)]
            orders.extend(again)
            return await asyncio.gather(*map(port.submit, again))

        outcomes = [*threads, *asyncio.run(main())]
        assert [o.command_id for o in outcomes] == [o.command_id for o in orders]
        for number, outcome in enumerate(outcomes):
            assert isinstance(outcome, Committed)
            assert isinstance(outcome.resource, WalletView)
            assert outcome.resource.wallet_id == wallets[number % 8]
            times = 1 + number // 8
            assert outcome.resource.balance == 100 - times * (1 + number % 8)

    def test_a_caller_that_goes_away_leaves_its_command(
        self, port: CommandPort
    ) -> None:
        """I4, I5: who stops waiting stops neither their command nor anybody's."""
        fund(port, A, 10)
        order = request(withdrawal(A, 4), fingerprint=b"x")

        async def main() -> Outcome:
            gone = asyncio.create_task(port.submit(order))
            stays = asyncio.create_task(port.submit(request(withdrawal(A, 1))))
            await asyncio.sleep(0)
            gone.cancel()
            return await stays

        assert isinstance(asyncio.run(main()), Committed)
        again = settled(port, order)
        assert isinstance(again, Committed), again
        assert again.replayed
        assert probe(port, A) == 5
