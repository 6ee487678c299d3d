"""What goes wrong on purpose: planned faults for the next calls, a revoked token, doubled deliveries."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

Kind = Literal["rate_limited", "status", "error", "hang", "drop_before", "drop_after"]
ANY = "*"


@dataclass
class Fault:
    """One planned fault for the next `times` calls of `method` (`*`: any method).

    `seconds` is Retry-After for rate_limited and the delay for hang; `status` an HTTP status; `code`
    the error in the answer of kind `error`.
    """

    method: str
    kind: Kind
    times: int = 1
    seconds: float = 1.0
    status: int = 500
    code: str = "internal_error"


class Faults:
    """The switchboard. Faults of one method are used up in the order in which they were planned.

    token_error: every call is refused with this (`token_revoked`, `account_inactive`); None: tokens work.
    enforce_rate_limits: count calls against Slack's tiers (rates.py).
    twice: how many of the next payloads are delivered two times.
    """

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        self.planned: list[Fault] = []
        self.token_error: str | None = None
        self.enforce_rate_limits = False
        self.twice = 0

    def rate_limit(self, method: str = ANY, times: int = 1, retry_after: float = 1.0) -> None:
        """Answer 429 with Retry-After (seconds)."""
        self.planned.append(Fault(method, "rate_limited", times, seconds=retry_after))

    def fail(self, method: str = ANY, times: int = 1, status: int = 500) -> None:
        """Answer with an HTTP error and no effect."""
        self.planned.append(Fault(method, "status", times, status=status))

    def error(self, code: str, method: str = ANY, times: int = 1) -> None:
        """Answer `{"ok": false, "error": code}` and no effect."""
        self.planned.append(Fault(method, "error", times, code=code))

    def hang(self, method: str = ANY, times: int = 1, seconds: float = 30.0) -> None:
        """Wait before the effect and the answer; the effect comes even if the caller gave up."""
        self.planned.append(Fault(method, "hang", times, seconds=seconds))

    def drop(self, method: str = ANY, times: int = 1, *, after_effect: bool = False) -> None:
        """Cut the connection without an answer: before doing anything, or after having done it."""
        self.planned.append(Fault(method, "drop_after" if after_effect else "drop_before", times))

    def revoke_token(self, code: str = "token_revoked") -> None:
        """Refuse the bot's token from now on."""
        self.token_error = code

    def deliver_twice(self, payloads: int = 1) -> None:
        """Deliver each of the next payloads two times, as a platform may."""
        self.twice = payloads

    def plan(self, method: str = ANY, **fault: Any) -> None:
        """Plan any fault by the names of `Fault`. Raises TypeError for an unknown name, ValueError for a kind."""
        planned = Fault(method, **fault)
        if planned.kind not in get_args(Kind):
            raise ValueError(f"There is no fault {planned.kind!r}. Use one of {', '.join(get_args(Kind))}.")
        self.planned.append(planned)

    def take(self, method: str) -> Fault | None:
        """Use up the next fault for this method, if one is planned."""
        for fault in self.planned:
            if fault.method in (ANY, method):
                fault.times -= 1
                if fault.times <= 0:
                    self.planned.remove(fault)
                return fault
        return None

    def take_double(self) -> bool:
        """Whether this payload goes out twice."""
        if self.twice <= 0:
            return False
        self.twice -= 1
        return True
