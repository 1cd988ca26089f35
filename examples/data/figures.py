"""The parameters of the month; README.md says which are known and which assumed."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

Kind: TypeAlias = Literal[
    "create",
    "activate",
    "kyc_upgrade",
    "opening_deposit",
    "salary",
    "top_up",
    "withdrawal",
    "transfer",
    "pharmacy",
    "clinic",
    "hospital",
    "refund",
    "cashback",
    "drain",
    "suspend",
    "resume",
    "close",
    "mistake",
]
"""What a command is for."""

Everyday: TypeAlias = Literal[
    "transfer",
    "top_up",
    "withdrawal",
    "pharmacy",
    "clinic",
    "hospital",
    "refund",
    "cashback",
    "fraud",
    "kyc_upgrade",
    "close",
    "mistake",
]
"""What members do, by day and by chance."""

CURRENCY: Final = "EGP"
FIRST_DAY: Final = "2023-12-01"
DAYS: Final = 31

# People.
COMMANDS_PER_WALLET: Final = 20
FAMILY_SIZES: Final = (1, 2, 2, 3, 5)
BUSINESS_SHARE: Final = 0.02
KYC_SHARES: Final = (("basic", 0.60), ("enhanced", 0.30), ("full", 0.10))
UNVERIFIED_SHARE: Final = 0.02
EARNER_SHARE: Final = 0.45
ROSTER_SHARE: Final = 0.80
ROSTER_HOURS: Final = 6
OPENING_DEPOSIT_SHARE: Final = 0.90
ACTIVITY_SKEW: Final = 1.4
OUTSIDE_FAMILY_SHARE: Final = 0.15

# When.
PAYDAYS: Final = ((3, 0.30), (24, 0.20), (25, 0.20), (26, 0.10), (31, 0.20))
PAY_HOURS: Final = (9, 10, 11, 12)
HOURS: Final = (
    (12, 7, 4, 3, 3, 5, 10, 20, 38, 58, 74, 82)  # 00:00-11:59
    + (80, 70, 62, 58, 60, 70, 86, 96, 92, 74, 48, 26)  # 12:00-23:59
)
FRIDAY_WEIGHT: Final = 0.65
AFTER_PAYDAY_WEIGHT: Final = 1.25

# What.
EVERYDAY: Final[tuple[tuple[Everyday, float], ...]] = (
    ("transfer", 0.3312),
    ("pharmacy", 0.3330),
    ("clinic", 0.1200),
    ("top_up", 0.1170),
    ("withdrawal", 0.0520),
    ("refund", 0.0200),
    ("cashback", 0.0120),
    ("hospital", 0.0060),
    ("mistake", 0.0030),
    ("kyc_upgrade", 0.0030),
    ("close", 0.0015),
    ("fraud", 0.0013),
)

# How much: median in pounds, deviation of the logarithm, rounding step in pounds.
PHARMACY: Final = (127.0, 0.80, 0.25)
CLINIC: Final = (300.0, 0.50, 5.0)
HOSPITAL: Final = (12_000.0, 0.90, 50.0)
TRANSFER: Final = (728.0, 1.00, 1.0)
TOP_UP: Final = (800.0, 0.90, 50.0)
WITHDRAWAL: Final = (400.0, 0.80, 50.0)
OPENING_DEPOSIT: Final = (2_500.0, 0.80, 50.0)
SALARY: Final = (6_000.0, 0.60, 1.0)
MINIMUM_WAGE: Final = 3_000
CASHBACK: Final = (15.0, 0.50, 0.25)
DRAIN: Final = (900.0, 0.70, 1.0)
BUSINESS_FACTOR: Final = 4

# What the day limits of the policy EG-2023-11 let through, in piastres.
DAY_LIMITS: Final = {"basic": 3_000_000, "enhanced": 6_000_000, "full": 6_000_000}
BUSINESS_DAY_LIMIT: Final = 8_000_000

# What goes wrong on the way.
RESUMED_SHARE: Final = 0.85
SUSPENDED_HOURS: Final = (18.0, 0.8)
GOES_ON_AFTER_CLOSING: Final = 0.10
RETRY_SHARE: Final = 0.015
RETRY_DELAY_S: Final = (2, 30)
DOUBLE_CLICK_SHARE: Final = 0.008
KEY_MISUSE_SHARE: Final = 0.001
