"""A cache for Unleash's client that keeps nothing: what an application gets is what the server answers now."""

from typing import Any

from UnleashClient.cache import BaseCache


class Memory(BaseCache):
    """Lives as long as one client."""

    def __init__(self) -> None:
        self._kept: dict[str, Any] = {}

    def set(self, key: str, value: Any) -> None:
        self._kept[key] = value

    def mset(self, data: dict[str, Any]) -> None:
        self._kept |= data

    def get(self, key: str, default: Any = None) -> Any:
        return self._kept.get(key, default)

    def exists(self, key: str) -> bool:
        return key in self._kept

    def destroy(self) -> None:
        self._kept.clear()
