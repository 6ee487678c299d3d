"""The local deploy target: two slots of processes on this machine behind one router."""

from collections.abc import Callable
from pathlib import Path

from pipeline.adapters.local.caddy import CaddyProcess
from pipeline.adapters.local.logs import LogFiles, Logs
from pipeline.adapters.local.processes import Processes
from pipeline.adapters.local.services import ProcessRuntime
from pipeline.adapters.slots.routing import Router
from pipeline.adapters.slots.site import Address, Site, unchanged, utc_now
from pipeline.adapters.slots.target import SlotTarget
from pipeline.config import Environment
from pipeline.ports import Clock


def local_target(
    *,
    product: str,
    environment: str,
    config: Environment,
    state: Path,
    artifacts: Path,
    clock: Clock = utc_now,
    redact: Callable[[str], str] = unchanged,
    patience: float = 10.0,
) -> SlotTarget:
    """A target on this machine. `state` is this environment's own folder, `artifacts` the images' root.

    `redact` is applied to log lines in errors and in `logs`; `patience` is how many seconds to wait for
    another bot's operation on the same environment.
    """
    address = Address.of(product, environment, config, state)
    logs = Logs(address.folder / "logs", clock, redact)
    processes = Processes(address.folder / "processes", address.identity)
    router = address.folder / "router"
    site = Site(
        address=address,
        runtime=ProcessRuntime(processes, artifacts.absolute(), logs, address.entries()),
        router=Router(router, CaddyProcess(router, processes)),
        logs=LogFiles(logs),
    )
    return SlotTarget(site, clock, patience)
