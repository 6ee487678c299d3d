"""The dashboard's numbers out of real metrics."""

import pytest

from core_hub.metrics import Metrics
from core_hub.numbers import numbers
from core_hub.reader import usage


def test_numbers_of_a_busy_api() -> None:
    metrics = Metrics("0.1.0")
    for seconds in [0.004] * 19 + [0.2]:
        metrics.answered("GET", "/api/charges", 200, seconds)
    metrics.answered("POST", "/api/charges", 500, 0.004)
    metrics.read_text(usage("a text"), 0.0004)
    shown = numbers(metrics.render({"done": 3}).decode())
    assert (shown["Requests"], shown["Errors"], shown["Latency p95"]) == ("21", "1", "up to 5 ms")
    assert (shown["Charges read"], shown["LLM latency p95"], shown["Jobs done"]) == ("1", "up to 0.5 ms", "3")
    assert float(shown["LLM cost"].removeprefix("$")) > 0


def test_numbers_of_an_idle_api() -> None:
    shown = numbers(Metrics("0.1.0").render({}).decode())
    assert (shown["Requests"], shown["Latency p95"], shown["LLM cost"]) == ("0", "none yet", "$0.000000")


@pytest.mark.parametrize("text", ["", "<html>not metrics</html>"])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        numbers(text)
