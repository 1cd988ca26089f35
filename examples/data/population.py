"""The members of the programme, computed from their number and never stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from examples.data import figures as f
from examples.data.draws import trait
from healthpay_core import Actor, KycLevel, WalletType, derive_id

_BLOCK: Final = sum(f.FAMILY_SIZES)
_LEVELS: Final[dict[str, KycLevel]] = {
    "basic": "basic",
    "enhanced": "enhanced",
    "full": "full",
}
_TYPE, _LEVEL, _VERIFIED, _EARNS, _PAYDAY = range(1, 6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """Somebody with a wallet; every id is opaque (A5).

    Attributes:
        kyc_level: What the papers are good for.
        verified: Whether they were in order before the wallet was opened.
        payday: Day of the month on which the salary comes; None without one.
    """

    index: int
    wallet_id: str
    owner_id: str
    wallet_type: WalletType
    kyc_level: KycLevel
    verified: bool
    payday: int | None

    @property
    def actor(self) -> Actor:
        """The member as the one who gives an order."""
        return Actor(type="customer", id=self.owner_id)

    @property
    def day_limit(self) -> int:
        """What may go out in one day, in piastres."""
        if self.wallet_type == "business":
            return f.BUSINESS_DAY_LIMIT
        return f.DAY_LIMITS[self.kyc_level]


class Population:
    """All members, numbered in the order in which they join."""

    def __init__(self, seed: int, size: int) -> None:
        self._seed = seed
        self.size = size

    def member(self, index: int) -> Member:
        """The member of a number."""
        business = self._trait(index, _TYPE) < f.BUSINESS_SHARE
        return Member(
            index=index,
            wallet_id=self.wallet_id(index),
            owner_id=derive_id(f"example/{self._seed}/person/{index}"),
            wallet_type="business" if business else "personal",
            kyc_level=self._level(self._trait(index, _LEVEL)),
            verified=self._trait(index, _VERIFIED) >= f.UNVERIFIED_SHARE,
            payday=self.payday(index),
        )

    def wallet_id(self, index: int) -> str:
        """The wallet of a member."""
        return derive_id(f"example/{self._seed}/wallet/{index}")

    def payday(self, index: int) -> int | None:
        """The day of the month on which a member is paid, if ever."""
        if self._trait(index, _EARNS) >= f.EARNER_SHARE:
            return None
        place = self._trait(index, _PAYDAY)
        for day, share in f.PAYDAYS:
            place -= share
            if place < 0:
                return day
        return f.PAYDAYS[-1][0]

    def family(self, index: int) -> range:
        """The numbers of a member's family, the member among them."""
        start = index - index % _BLOCK
        for size in f.FAMILY_SIZES:
            if index < start + size:
                return range(start, start + size)
            start += size
        raise AssertionError("the sizes fill the block")

    def _level(self, place: float) -> KycLevel:
        for name, share in f.KYC_SHARES:
            place -= share
            if place < 0:
                return _LEVELS[name]
        return "full"

    def _trait(self, index: int, salt: int) -> float:
        return trait(self._seed, index, salt)
