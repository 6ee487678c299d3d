"""Freezes in bot.toml: what is read from what people write, and what a mistake is told."""

from datetime import UTC, datetime

import pytest

from bot.check import frozen_now
from pipeline.config import BotFile, Product, parse
from pipeline.errors import ConfigError
from pipeline.windows import Windows
from tests.unit.test_config import BOT, ON_DOCKER


def shop(product: str) -> Product:
    text = BOT.format(product=product, staging=ON_DOCKER, production=ON_DOCKER)
    return parse(BotFile, text, "bot.toml").products["shop"]


def frozen(written: str, timezone: str = "America/Sao_Paulo") -> Windows:
    product = shop(f'timezone = "{timezone}"\n[[products.shop.freezes]]\nname = "f"\n{written}')
    return Windows(tuple(freeze.window(product.timezone) for freeze in product.freezes))


def ends(windows: Windows, at: str) -> str | None:
    found = windows.ends(datetime.fromisoformat(at).replace(tzinfo=UTC))
    return found.isoformat(" ", "minutes").removesuffix("+00:00") if found else None


@pytest.mark.parametrize(
    ("written", "at", "until"),
    [
        ('from = "18:00"\nto = "08:00"', "2026-11-23 22:00", "2026-11-24 11:00"),
        ('from = "18:00"\nto = "08:00"\ndays = ["mon"]', "2026-11-25 22:00", "2026-11-25 22:00"),
        ('from = "09:00"\nto = "10:00"\ndays = ["wed"]', "2026-11-25 12:30", "2026-11-25 13:00"),
        ('from = "00:00"\nto = "24:00"\ndays = ["sat", "sun"]', "2026-11-28 12:00", "2026-11-30 03:00"),
        ('from = "fri 18:00"\nto = "mon 08:00"', "2026-11-27 21:00", "2026-11-30 11:00"),
        ('from = "Friday 18:00"\nto = "friday 17:59"', "2026-11-27 21:00", "2026-12-04 20:59"),
        ('from = "2026-12-24 10:00"\nto = "2027-01-02"', "2026-12-24 13:00", "2027-01-03 03:00"),
        ("from = 2026-12-24T10:00:00\nto = 2027-01-02", "2026-12-24 13:00", "2027-01-03 03:00"),
        ("from = 18:00:00\nto = 08:00:00", "2026-11-23 22:00", "2026-11-24 11:00"),
        ('from = "18:00"\nto = "08:00"\ntimezone = "UTC"', "2026-11-23 22:00", "2026-11-24 08:00"),
    ],
)
def test_what_is_written_is_what_is_meant(written: str, at: str, until: str) -> None:
    assert ends(frozen(written), at) == until


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ('from = "18:00"', r"freezes\.0\.to: is missing"),
        (
            'from = "25:00"\nto = "08:00"',
            r"freezes\.0\.from: found '25:00'; should be a time between 00:00 and",
        ),
        ('from = "18:60"\nto = "08:00"', r"freezes\.0\.from: .*between 00:00 and 24:00"),
        ('from = "6pm"\nto = "08:00"', r"freezes\.0\.from: found '6pm'; should be \"18:00\", \"fri 18:00\""),
        ('from = "fry 18:00"\nto = "mon 08:00"', r"freezes\.0\.from: .*day of the week, mon, tue"),
        ('from = "2026-02-31"\nto = "2026-03-02"', r"freezes\.0\.from: .*a date that there is"),
        ('from = "1026-02-01"\nto = "2026-03-02"', r"freezes\.0\.from: .*from 2000 to 2099"),
        (
            'from = "24/12/2026"\nto = "2026-03-02"',
            r"freezes\.0\.from: found '24/12/2026'; should be \"18:00\"",
        ),
        ("from = 2026-12-24T10:00:00Z\nto = 2027-01-02", r"freezes\.0\.from: .*without an offset"),
        ('from = 18\nto = "08:00"', r"freezes\.0\.from: found 18; "),
        ('from = "18:00"\nto = "18:00"', r"the same; for a whole day write from = \"00:00\", to = \"24:00\""),
        ('from = "fri 18:00"\nto = "fri 18:00"', r"the same; a window has to leave some of the week free"),
        ('from = "sun 24:00"\nto = "mon 00:00"', r"the same; a window has to leave some of the week free"),
        ('from = "fri 18:00"\nto = "08:00"', r"\"from\" and \"to\" should be written alike"),
        (
            'from = "2026-12-24"\nto = "2026-12-23"',
            r"\"to\" should be later than \"from\", which is 2026-12-24",
        ),
        ('from = "fri 18:00"\nto = "mon 08:00"\ndays = ["fri"]', r"leave \"days\" out: .*name the days"),
        ('from = "2026-12-24"\nto = "2026-12-26"\ndays = ["fri"]', r"leave \"days\" out: .*are dates"),
        (
            'from = "18:00"\nto = "08:00"\ndays = ["freitag"]',
            r"freezes\.0\.days\.0: found 'freitag'; .*'mon'",
        ),
        ('from = "18:00"\nto = "08:00"\nhotfix = "maybe"', r"freezes\.0\.hotfix: "),
        ('from = "18:00"\nto = "08:00"\nuntil = "09:00"', r"freezes\.0\.until: is not a known key"),
        ('from = "18:00"\nto = "08:00"\ntimezone = "Sao_Paulo"', r"timezone: .*probably America/Sao_Paulo"),
        ('from = "18:00"\nto = "08:00"\ntimezone = "Europe/Berln"', r"timezone: .*probably Europe/Berlin"),
        ('from = "18:00"\nto = "08:00"\ntimezone = "europe/berlin"', r"timezone: .*probably Europe/Berlin"),
        ('from = "18:00"\nto = "08:00"\ntimezone = "BRT"', r"timezone: .*such as Europe/Berlin, America/Sao"),
        ('from = "18:00"\nto = "08:00"\ntimezone = "../../etc/passwd"', r"timezone: .*name of a time zone"),
    ],
)
def test_a_mistake_names_the_key_and_what_is_right(written: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        frozen(written)


def test_the_zone_of_the_product_is_looked_at_too() -> None:
    with pytest.raises(
        ConfigError, match=r"products\.shop\.timezone: found 'Berlin'; .*probably Europe/Berlin"
    ):
        shop('timezone = "Berlin"')


def test_without_a_word_nothing_is_frozen_and_the_zone_is_utc() -> None:
    product = shop("")
    assert (product.timezone, product.freezes, product.schedule_grace.total_seconds()) == ("UTC", (), 3600)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ('from = "00:00"\nto = "24:00"', ", frozen now by “f” for ever"),
        ('from = "2000-01-01"\nto = "2099-01-01"', ", frozen now by “f” until Fri 2099-01-02 00:00 (UTC)"),
        ('from = "2098-12-31"\nto = "2099-01-01"', ", next frozen from Wed 2098-12-31 00:00 (UTC)"),
        ('from = "2000-12-31"\nto = "2001-01-01"', ""),
    ],
)
def test_the_check_of_the_files_tells_of_a_freeze(written: str, said: str) -> None:
    assert frozen_now(shop(f'[[products.shop.freezes]]\nname = "f"\n{written}')) == said
