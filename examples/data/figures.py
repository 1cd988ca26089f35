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
    "initiate",
    "authorize",
    "capture",
    "void",
    "decline",
    "give_back",
    "payout",
    "card_issue",
    "card_activate",
    "card_suspend",
    "card_cancel",
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
    "payment",
    "card_trouble",
    "payout",
]
"""What members and merchants do, by day and by chance."""

Course: TypeAlias = Literal[
    "whole", "part", "twice", "void", "decline", "forgotten", "late", "confused"
]
"""What becomes of a payment that is captured by hand."""

Return: TypeAlias = Literal["part", "all", "again", "too_much"]
"""What is returned of a captured payment."""

Trouble: TypeAlias = Literal["lost", "stolen", "mislaid", "cancelled"]
"""What happens to a card."""

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

# Merchants and cards.
MEMBERS_PER_MERCHANT: Final = 20
TRADES: Final = (
    ("pharmacies",) * 8
    + ("clinics",) * 3
    + ("laboratories",) * 2
    + ("doctors",) * 2
    + ("dentists", "hospitals", "opticians", "nursing", "groceries")
)
"""The trades of twenty merchants; the last one is no health care."""
CARD_SHARE: Final = 0.60
CARD_BY_CARD: Final = 0.85
CARD_CONTROLS: Final = (
    ("none", 0.60),
    ("small", 0.14),
    ("monthly", 0.10),
    ("allowed", 0.08),
    ("blocked", 0.08),
)
CARD_SMALL: Final = (50_000, 100_000)  # per authorisation and per day, in piastres
CARD_MONTHLY: Final = (150_000, 300_000)  # per week and per month
CARD_ALLOWED: Final = ("pharmacies", "laboratories")
CARD_BLOCKED: Final = ("dentists", "opticians")
CARD_MONTHS: Final = (((2023, 11), 0.01), ((2023, 12), 0.03))
CARD_YEARS: Final = (2024, 2025, 2026, 2027, 2028)

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
    ("payment", 0.1000),
    ("pharmacy", 0.1000),
    ("clinic", 0.0400),
    ("top_up", 0.1170),
    ("withdrawal", 0.0520),
    ("refund", 0.0100),
    ("cashback", 0.0120),
    ("payout", 0.0080),
    ("hospital", 0.0060),
    ("mistake", 0.0040),
    ("card_trouble", 0.0040),
    ("kyc_upgrade", 0.0030),
    ("close", 0.0015),
    ("fraud", 0.0013),
)

# What becomes of a payment.
AUTOMATIC_SHARES: Final = {"pharmacies": 0.70, "groceries": 0.70}
AUTOMATIC_SHARE: Final = 0.25
ELIGIBLE_SHARE: Final = 0.10
PARTIAL_APPROVAL_SHARE: Final = 0.60
COURSES: Final[tuple[tuple[Course, float], ...]] = (
    ("whole", 0.50),
    ("part", 0.15),
    ("twice", 0.10),
    ("void", 0.08),
    ("decline", 0.03),
    ("forgotten", 0.06),
    ("late", 0.04),
    ("confused", 0.04),
)
CAPTURE_HOURS: Final = (3.0, 1.2)
TERM_HOURS: Final = (2, 24, 72)
LATE_TERM_S: Final = 3_600
FEE_SHARE: Final = 0.015
RETURN_SHARE: Final = 0.14
RETURN_HOURS: Final = (30.0, 0.9)
RETURNS: Final[tuple[tuple[Return, float], ...]] = (
    ("part", 0.50),
    ("all", 0.22),
    ("again", 0.16),
    ("too_much", 0.12),
)
TROUBLES: Final[tuple[tuple[Trouble, float], ...]] = (
    ("lost", 0.35),
    ("stolen", 0.20),
    ("mislaid", 0.30),
    ("cancelled", 0.15),
)

# How much: median in pounds, deviation of the logarithm, rounding step in pounds.
BILLS: Final = {
    "clinics": (300.0, 0.50, 5.0),
    "laboratories": (450.0, 0.70, 5.0),
    "doctors": (300.0, 0.50, 5.0),
    "dentists": (600.0, 0.70, 10.0),
    "hospitals": (2_000.0, 0.70, 50.0),
    "opticians": (700.0, 0.60, 5.0),
    "nursing": (350.0, 0.50, 10.0),
}
PAYOUT: Final = (1_500.0, 0.80, 1.0)
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
