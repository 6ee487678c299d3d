"""Reads a charge's free text: its category, its amount, and whether a human should look twice.

This is a stand-in. Where a real product would ask a language model, a small deterministic set of
rules answers, so that the product and its evaluation run offline and give the same result every
time. Its tokens and costs are notional: what the text would cost at the price written below.
"""

import re
from dataclasses import dataclass

MODEL = "rules-standin-1"
USD_PER_TOKEN = 0.15 / 1_000_000
LARGE_CENTS = 5_000_000
"""From 50,000.00 on, a human looks twice whatever the text says."""
LONGEST = 14
"""Digits of an amount in cents; nobody is charged more, and a database's integer holds it."""

_MONEY = re.compile(
    r"(?:EUR|USD|BRL|€|R\$|\$)\s?(?P<after>\d[\d.,]{0,20})|"
    r"(?P<before>\d(?:[\d.,]{0,20}\d)?)\s?(?:EUR|USD|BRL|€|\$)",
    re.IGNORECASE,
)
_CATEGORIES = (
    ("refund", re.compile(r"refund|reembolso|credit note|money back", re.IGNORECASE)),
    ("subscription", re.compile(r"subscription|assinatura|renewal|(monthly|annual) plan", re.IGNORECASE)),
    ("usage", re.compile(r"\busage\b|api calls|overage|metered|consumo|\bGB\b", re.IGNORECASE)),
)
_SUSPICIOUS = re.compile(
    r"new bank|bank (account|details) (has )?changed|gift card|overpaid|do not (call|tell)|"
    r"keep this (between us|quiet)|conta nova",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Reading:
    """What the text says. `amount_cents` is None when it names no amount."""

    category: str
    amount_cents: int | None
    suspicious: bool


@dataclass(frozen=True)
class Usage:
    """What reading the text costs: tokens, and US dollars at the notional price."""

    tokens: int
    cost_usd: float


def read(text: str) -> Reading:
    """Read one charge's text. Never raises: a text that says nothing is a one-off without an amount."""
    amount = _amount(text)
    category = next((name for name, pattern in _CATEGORIES if pattern.search(text)), "one-off")
    suspicious = bool(_SUSPICIOUS.search(text)) or (amount or 0) >= LARGE_CENTS
    return Reading(category, amount, suspicious)


def usage(text: str) -> Usage:
    """About four characters a token, plus a fixed instruction of 200 tokens and an answer of 20."""
    tokens = 220 + len(text) // 4
    return Usage(tokens, tokens * USD_PER_TOKEN)


def _amount(text: str) -> int | None:
    found = _MONEY.search(text)
    return _cents(found["after"] or found["before"]) if found else None


def _cents(number: str) -> int | None:
    """Cents of "1,250.00", "1.250,00", "99" or "1250": the last separator with two digits is decimal."""
    number = number.rstrip(".,")
    whole, cents = (number[:-3], number[-2:]) if re.search(r"[.,]\d{2}$", number) else (number, "00")
    digits = re.sub(r"[.,]", "", whole) + cents
    return int(digits) if len(digits) <= LONGEST else None
