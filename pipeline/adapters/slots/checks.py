"""What a bundle must be before anything is started for it."""

import re
from collections.abc import Iterable

from pipeline.adapters.slots.state import SlotState
from pipeline.errors import TargetError
from pipeline.ports import Bundle, ServiceSpec

_RELEASE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_COMPONENT = re.compile(r"[a-z][a-z0-9-]{0,39}")
# The router reads more than a plain path: `*` is its wildcard, braces are its placeholders.
_ROUTE = re.compile(r"/[A-Za-z0-9._~/-]*")


def check_bundle(bundle: Bundle, lacks: Iterable[str] = ()) -> None:
    """Raises TargetError with everything that would keep the bundle from running here.

    `lacks` is what the runtime found to be missing, one sentence each.
    """
    mistakes = [*_of_release(bundle)]
    for service in bundle.services:
        mistakes += _of_service(service)
    mistakes += lacks
    if mistakes:
        listed = " ".join(mistakes)
        raise TargetError(f"Release {bundle.release_id[:90]!r} cannot be deployed: {listed}")


def check_ports(title: str, public: int, first: int) -> None:
    """Raises TargetError when the public port is one of the three that the router needs beside it."""
    if first <= public < first + 3:
        raise TargetError(
            f"{title}: first_port {first} and the two after it are the router's own, and the url has port "
            f"{public}. Next: choose another first_port in bot.toml."
        )


def check_same(content: SlotState | None, bundle: Bundle) -> None:
    """Raises TargetError when a release is deployed with other images than it came with: never mix."""
    digests = {service.component: service.image.digest for service in bundle.services}
    if content and (content.digests != digests or content.version != bundle.version):
        raise TargetError(
            f"Release {bundle.release_id} is deployed already, with other images or another version. "
            f"Next: start a new release for the new images."
        )


def _of_release(bundle: Bundle) -> list[str]:
    found = []
    if not _RELEASE.fullmatch(bundle.release_id):
        found.append("Its id should be letters, digits, dots and dashes.")
    if not bundle.services:
        found.append("It has no services. Next: add components to the playbook.")
    for what, values in (
        ("component", [service.component for service in bundle.services]),
        ("route", [service.route for service in bundle.services if service.route is not None]),
    ):
        twice = sorted({value for value in values if values.count(value) > 1})
        found += [f"The {what} {value!r} is there twice. Next: give each its own." for value in twice]
    return found


def _of_service(service: ServiceSpec) -> list[str]:
    name = service.component[:90]
    found = []
    if not _COMPONENT.fullmatch(service.component):
        found.append(f"The component name {name!r} should be lower-case letters, digits and dashes.")
    if service.route is not None and not _ROUTE.fullmatch(service.route):
        found.append(f"{name}: the route {service.route[:90]!r} should be a plain path such as /api.")
    wrong = [path for path in (service.health, service.version_path) if not path.startswith("/")]
    found += [f"{name}: the path {path[:90]!r} should begin with a slash." for path in wrong]
    return found
