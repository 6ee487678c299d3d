"""The Docker deploy target: two slots of containers of one engine behind a router in a container."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from pipeline.adapters.docker.containers import Containers
from pipeline.adapters.docker.engine import Engine
from pipeline.adapters.docker.logs import ContainerLogs
from pipeline.adapters.docker.router import NAME, CaddyContainer
from pipeline.adapters.docker.services import INSIDE, ContainerRuntime
from pipeline.adapters.slots.routing import Router
from pipeline.adapters.slots.site import Address, Site, unchanged, utc_now
from pipeline.adapters.slots.target import SlotTarget
from pipeline.config import Docker, Environment
from pipeline.ports import Clock


def docker_target(
    *,
    product: str,
    environment: str,
    config: Environment,
    state: Path,
    docker: Docker,
    clock: Clock = utc_now,
    redact: Callable[[str], str] = unchanged,
    patience: float = 10.0,
) -> SlotTarget:
    """A target on a Docker engine. `state` is this environment's own folder.

    The engine runs on this machine, where `state` has the same path for it: the router's folder is mounted,
    and ports are published on 127.0.0.1. `redact` is applied to log lines in errors and in `logs`; `patience`
    is how many seconds to wait for another bot's operation on the same environment.
    """
    address = Address.of(product, environment, config, state)
    containers = Containers(Engine(docker.host), address)
    logs = ContainerLogs(containers, address.folder / "logs", redact)
    folder = address.folder / "router"
    router = Router(folder, CaddyContainer(containers, folder, docker.router_image))
    under_way = partial(router.under_way, address.first + 2)
    runtime = ContainerRuntime(containers, logs, address.entries(NAME), under_way, config.mounts, config.user)
    site = Site(address=address, runtime=runtime, router=router, logs=logs, inside=INSIDE)
    return SlotTarget(site, clock, patience)
