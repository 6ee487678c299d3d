"""A request that cannot be carried out, said so that the caller knows what, why and what next."""


class Problem(Exception):  # noqa: N818 - it is the answer to a request, not a fault of the program
    """Nothing was changed. `status` is the HTTP status of the answer."""

    def __init__(self, status: int, what: str, why: str, following: str) -> None:
        super().__init__(f"{what} {why} Next: {following}")
        self.status = status
        self.body = {"error": {"what": what, "why": why, "next": following}}
