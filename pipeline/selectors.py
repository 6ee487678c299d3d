"""Selectors of time series, as PromQL writes them: `requests_total{route!~"/metrics", status=~"5.."}`. Pure."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_MATCHER = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*("(?:[^"\\]|\\.)*")\s*(?:,|$)')
_SELECTOR = re.compile(rf"\s*({_NAME})\s*(?:\{{(.*)\}})?\s*", re.DOTALL)


@dataclass(frozen=True)
class Matcher:
    """One condition on a label. A label that is not there counts as empty, as in PromQL."""

    label: str
    operator: str
    value: str

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Whether a series' labels meet it. Patterns match the whole value."""
        is_met = (
            re.fullmatch(self.value, labels.get(self.label, "")) is not None
            if "~" in self.operator
            else labels.get(self.label, "") == self.value
        )
        return is_met is not self.operator.startswith("!")

    def __str__(self) -> str:
        return f"{self.label}{self.operator}{json.dumps(self.value, ensure_ascii=False)}"


@dataclass(frozen=True)
class Selector:
    """A metric's name and what its labels must be."""

    name: str
    matchers: tuple[Matcher, ...] = ()

    def picks(self, name: str, labels: Mapping[str, str]) -> bool:
        """Whether a series is one of these."""
        return name == self.name and all(matcher.holds(labels) for matcher in self.matchers)

    def __str__(self) -> str:
        return f"{self.name}{{{','.join(map(str, self.matchers))}}}" if self.matchers else self.name


@lru_cache(maxsize=1000)
def selector(text: str) -> Selector:
    """Read a selector. Raises ValueError saying what is wrong with it."""
    found = _SELECTOR.fullmatch(text)
    if not found:
        raise ValueError(f'{text[:100]!r} should be a metric such as requests_total{{status=~"5.."}}')
    return Selector(found[1], matchers(found[2] or ""))


def matchers(text: str) -> tuple[Matcher, ...]:
    """Read what stands between the braces. Raises ValueError."""
    found, at = [], 0
    while text[at:].strip():
        one = _MATCHER.match(text, at)
        if not one:
            raise ValueError(
                f'{text[at:][:100]!r} should be conditions such as status=~"5..", route!="/metrics"'
            )
        found.append(_matcher(one[1], one[2], one[3]))
        at = one.end()
    return tuple(found)


def _matcher(label: str, operator: str, quoted: str) -> Matcher:
    try:
        value = json.loads(quoted, strict=False)
        if "~" in operator:
            re.compile(value)
    except (ValueError, re.error) as error:
        raise ValueError(f"{label}{operator}{quoted[:100]} cannot be read: {error}") from error
    return Matcher(label, operator, value)
