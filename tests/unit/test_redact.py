"""No secret leaves: known values, what looks like one, and nothing else."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.redact import Redactor

PATTERNS = Redactor(())
SLACK = "-".join(("xoxb", "1234567890", "abcdefghijkl"))  # in parts: scanners of secrets read tests too
APP = "-".join(("xapp", "1", "A0123", "45678", "abcdef"))
GITHUB = "ghp" + "_" + "a1B2" * 9
FINE = "github" + "_pat_" + "11AAAA_" + "b" * 40
AWS = "AKIA" + "IOSFODNN7EXAMPLE"
JWT = ".".join(("eyJ" + "hbGciOiJIUzI1NiJ9", "eyJzdWIiOiIxIn0", "c2lnbmF0dXJl"))
PEM = "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIEabc\ndef==\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"token {SLACK}.", "token ***."),
        (f"({APP})", "(***)"),
        (f"git clone https://{GITHUB}@github.example/x", "git clone https://***@github.example/x"),
        (f"{FINE} {GITHUB}", "*** ***"),
        (f"id={AWS}", "id=***"),
        ('"aws_secret_access_key": "wJalrXUtnFEMI/K7MDENG"', '"aws_secret_access_key": "***"'),
        (f"Cookie: jwt={JWT}; x", "Cookie: jwt=***; x"),
        (f"key:\n{PEM}\nend", "key:\n***\nend"),
        (PEM[:50], "***"),
        ("postgresql+asyncpg://hub:p@ss:w0rd@db:5432/hub", "postgresql+asyncpg://hub:***@db:5432/hub"),
        ("redis://:hunter2@cache/0 ok", "redis://:***@cache/0 ok"),
        ("Authorization: Bearer abc.def", "Authorization: ***"),
        ("{'authorization': 'Basic dXNlcjpwYXNz', 'x': 1}", "{'authorization': '***', 'x': 1}"),
        ("curl -H bearer 0123456789abcdef0123==", "curl -H bearer ***"),
        ("GET /x?token=abc123&page=2", "GET /x?token=***&page=2"),
        ("https://hooks.slack.com/services/T0/B0/abc", "https://hooks.slack.com/***"),
    ],
)
def test_what_looks_like_a_secret_is_masked(text: str, expected: str) -> None:
    assert PATTERNS(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "authorization failed for ana",
        "the bearer of bad news came",
        "see https://example.org:8080/path?page=2 and mail ana@example.org",
        "commit 3f786850e387550fdab836ed7e6dc881de23001b on main",
        "sha256:" + "ab" * 32,
        "PASSED tests/unit/test_token.py::test_key[secret]",
        "naïve 日本 🎉 \x00 \ud800",
    ],
)
def test_ordinary_text_stays(text: str) -> None:
    assert PATTERNS(text) == text


def test_known_values_are_masked_wherever_they_stand() -> None:
    redact = Redactor(["s3cr3t/value+1", 'quo"ted\nsecond-line'])
    assert redact("as3cr3t/value+1b") == "a***b"
    assert redact("?q=s3cr3t%2Fvalue%2B1") == "?q=***"
    assert redact('{"p": "quo\\"ted\\nsecond-line"}') == '{"p": "***"}'
    assert redact("… second-line …") == "… *** …"


def test_a_longer_value_is_masked_before_the_shorter_one_in_it() -> None:
    assert Redactor(["hunter2", "hunter2-and-more"])("hunter2-and-more hunter2") == "*** ***"


def test_short_and_empty_values_do_not_blot_out_words() -> None:
    assert Redactor(["", " ", "on", "admin"])("admin is on") == "admin is on"


def test_regular_expressions_in_values_are_text() -> None:
    assert Redactor([".*.*.*", "((((((("])("anything ((((((( .*.*.*") == "anything *** ***"


@pytest.mark.parametrize(
    "unit",
    ["a", "://a:", "eyJaaaaaa.", "-----BEGIN PRIVATE KEY-----", "Authorization: ", "bearer ", "xoxb-", "?key=", " \t", "://:"],
)  # fmt: skip
def test_long_lines_are_fast(unit: str) -> None:
    redact = Redactor([f"secret-number-{n}" for n in range(50)])
    started = time.process_time()
    redact(unit * (100_000 // len(unit)))
    assert time.process_time() - started < 1.0


@given(st.text(), st.text(min_size=6).filter(str.strip), st.text())
def test_a_known_value_never_comes_through(before: str, secret: str, after: str) -> None:
    value = secret.strip()
    if len(value) >= 6 and "*" not in value:
        assert value not in Redactor([secret])(before + value + after)


@given(st.text())
def test_anything_is_taken(text: str) -> None:
    assert isinstance(Redactor([text])(text), str)
