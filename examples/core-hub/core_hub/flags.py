"""Feature flags by OpenFeature: from a file in flagd's format, or over HTTP. In doubt all are safe."""

import logging
import threading
from uuid import uuid4

from openfeature import api
from openfeature.event import EventDetails, ProviderEvent
from openfeature.provider import FeatureProvider, ProviderStatus
from openfeature.provider.no_op_provider import NoOpProvider

from core_hub.settings import Settings

SAFE = {"human-in-the-loop": True, "auto-approval": False, "new-flow": False}
"""What holds when nobody answers, the file is missing or damaged, or the flag has no answer for everybody."""

EVERY = 1.0
"""Seconds between two questions over HTTP: so soon a switch takes effect."""
PATIENCE = 2.0
"""Seconds that an answer over HTTP may take."""

log = logging.getLogger("core_hub.flags")
logging.getLogger("openfeature").setLevel(logging.CRITICAL)  # its providers repeat a trouble twice a second


class Flags:
    """The flags of one process. Nothing waits for them: what was heard last is at hand, or the safe state."""

    def __init__(self, provider: FeatureProvider) -> None:
        self._domain, self._in_trouble = f"core-hub-{uuid4()}", False
        self._client = api.get_client(self._domain)
        self._client.add_handler(ProviderEvent.PROVIDER_ERROR, self._trouble)
        self._client.add_handler(ProviderEvent.PROVIDER_READY, self._mended)
        try:
            api.set_provider_and_wait(provider, self._domain)
        except Exception as error:  # a provider raises what its client raises; the file may appear later
            log.error("the flags cannot be read: %s. Their safe states hold.", error)

    @classmethod
    def of(cls, settings: Settings) -> "Flags":
        """As the settings say: over HTTP where there is a FLAGS_URL, else from the file."""
        if settings.flags_url:
            return Asked(settings.flags_url, settings.flags_token)
        from openfeature.contrib.provider.flagd import FlagdProvider
        from openfeature.contrib.provider.flagd.config import ResolverType

        path = str(settings.flags_file)
        return cls(FlagdProvider(resolver_type=ResolverType.FILE, offline_flag_source_path=path))

    def on(self, name: str) -> bool:
        """Whether the flag is on now. KeyError for a flag that has no safe state."""
        if self._client.get_provider_status() is not ProviderStatus.READY:
            return SAFE[name]
        return self._client.get_boolean_value(name, SAFE[name])

    def close(self) -> None:
        """Let go of what the provider holds."""
        api.set_provider(NoOpProvider(), self._domain)

    def _trouble(self, details: EventDetails) -> None:
        if not self._in_trouble:
            log.error("the flags cannot be read: %s. Their safe states hold.", details.message)
        self._in_trouble = True

    def _mended(self, _: EventDetails) -> None:
        if self._in_trouble:
            log.info("the flags can be read again")
        self._in_trouble = False


class Asked(Flags):
    """Flags over HTTP: asked for in the background, so that no request of a user waits for the answer."""

    def __init__(self, url: str, token: str, every: float = EVERY) -> None:
        from openfeature.contrib.provider.ofrep import OFREPProvider

        headers = {"Authorization": f"Bearer {token}"} if token else {}
        super().__init__(OFREPProvider(url, headers_factory=lambda: headers, timeout=PATIENCE))
        self._states, self._every, self._closing = dict(SAFE), every, threading.Event()
        threading.Thread(target=self._keep_asking, name="flags", daemon=True).start()

    def on(self, name: str) -> bool:
        return self._states[name]

    def close(self) -> None:
        self._closing.set()
        super().close()

    def _keep_asking(self) -> None:
        while not self._closing.is_set():
            self._states = {name: super(Asked, self).on(name) for name in SAFE}
            self._closing.wait(self._every)
