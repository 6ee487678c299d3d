"""Texts, and what they say."""

import pytest

from core_hub.reader import Reading, read, usage


@pytest.mark.parametrize(
    ("text", "cents"),
    [
        ("EUR 12.50", 1250),
        ("12,50 EUR", 1250),
        ("R$ 1.250,00", 125000),
        ("$1,250", 125000),
        ("99€.", 9900),
        ("eur 7.", 700),
        ("nothing at all", None),
        ("", None),
        ("EUR " + "9" * 1900, None),
    ],
)
def test_amount(text: str, cents: int | None) -> None:
    assert read(text).amount_cents == cents


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("Refund EUR 5.00", "refund"),
        ("Refund of a subscription EUR 5.00", "refund"),
        ("Assinatura R$ 5,00", "subscription"),
        ("3 GB at EUR 5.00", "usage"),
        ("A chair, EUR 5.00", "one-off"),
    ],
)
def test_category(text: str, category: str) -> None:
    assert read(text).category == category


def test_a_large_amount_is_suspicious() -> None:
    assert not read("EUR 49,999.99").suspicious
    assert read("EUR 50,000.00").suspicious


def test_a_changed_bank_account_is_suspicious() -> None:
    assert read("Pay EUR 10.00, our bank account has changed") == Reading("one-off", 1000, suspicious=True)


def test_a_longer_text_costs_more() -> None:
    assert usage("a" * 400).tokens == 320
    assert usage("a" * 400).cost_usd > usage("").cost_usd > 0
