"""[products.NAME.email]: what is taken, and what wrong values are told."""

import re

import pytest

from pipeline.config import BotFile, parse
from pipeline.config_email import Email
from pipeline.errors import ConfigError
from tests.house import BOT_TOML

GOOD = {"from": '"bot@shop.example"', "to": '["team@shop.example"]', "host": '"smtp.shop.example"'}


def email(**further: str) -> Email:
    rows = "\n".join(f"{key} = {value}" for key, value in {**GOOD, **further}.items() if value)
    found = parse(BotFile, f"{BOT_TOML}\n[products.shop.email]\n{rows}\n", "bot.toml").products["shop"].email
    assert found is not None
    return found


def test_the_usual_port_goes_with_the_security() -> None:
    assert [email(security=f'"{how}"').at_port for how in ("starttls", "tls", "none")] == [587, 465, 25]
    assert (email().at_port, email(port="2525").at_port) == (587, 2525)


def test_a_login_without_encryption_is_for_this_machine_only() -> None:
    assert email(user='"bot"', security='"none"', host='"127.0.0.1"').user == "bot"
    with pytest.raises(ConfigError, match="shows the password to the network"):
        email(user='"bot"', security='"none"')


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("to", "[]", "at least 1 item"),
        ("to", '["Team <team@shop.example>"]', "an e-mail address alone"),
        ("to", r'["team@shop.example\nBcc: eve@evil.example"]', "an e-mail address alone"),
        ("from", '"shop"', "an e-mail address alone"),
        ("host", '"smtp shop"', "should match pattern"),
        ("port", "0", "greater than or equal to 1"),
        ("security", '"ssl"', "'starttls', 'tls' or 'none'"),
        ("ca_file", '"ca.pem"\nsecurity = "none"', "leave it out"),
        ("password", '"secret"', "is not a known key"),
    ],
)
def test_wrong_values_are_told(key: str, value: str, said: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(said)) as caught:
        email(**{key: value})
    assert "shop.email" in str(caught.value)
