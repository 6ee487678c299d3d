"""What a bundle must be, and that every mistake in it is told at once."""

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.adapters.local.services import lacks
from pipeline.adapters.slots.checks import check_bundle, check_ports, check_same
from pipeline.adapters.slots.state import SlotState
from pipeline.errors import TargetError
from pipeline.ports import Bundle, Image, ServiceSpec

DIGEST = "a" * 64


@pytest.fixture
def artifacts(tmp_path: Path) -> Path:
    (tmp_path / DIGEST).mkdir()
    return tmp_path


def _service(component: str = "api", route: str | None = "/api") -> ServiceSpec:
    image = Image(component, "1.0.0", f"sha256:{DIGEST}", "x")
    return ServiceSpec(component, image, ("run",), route, "/healthz", "/version", 1, 1)


def _bundle(*services: ServiceSpec, release: str = "r-1") -> Bundle:
    return Bundle(release, "1.0.0", services)


def test_a_good_bundle_passes(artifacts: Path) -> None:
    check_bundle(_bundle(_service(), _service("web", "/"), _service("worker", None)))


@pytest.mark.parametrize(
    ("bundle", "said"),
    [
        (_bundle(), "It has no services"),
        (_bundle(_service(), release="../r"), "Its id should be"),
        (_bundle(_service(), release=""), "Its id should be"),
        (_bundle(_service(), _service("api", None)), "component 'api' is there twice"),
        (_bundle(_service(), _service("web")), "route '/api' is there twice"),
        (_bundle(_service("../api")), "component name '../api'"),
        (_bundle(_service(route="/{env.HOME}")), "should be a plain path"),
        (_bundle(_service(route="/api/*")), "should be a plain path"),
        (_bundle(replace(_service(), run=())), "has no command"),
        (_bundle(replace(_service(), health="healthz")), "should begin with a slash"),
        (_bundle(replace(_service(), image=Image("api", "1", f"sha256:{'b' * 64}", ""))), "is not here"),
        (
            _bundle(replace(_service(), image=Image("api", "1", "sha256:../..", ""))),
            "is not an image's digest",
        ),
    ],
)
def test_a_mistake_is_told(artifacts: Path, bundle: Bundle, said: str) -> None:
    with pytest.raises(TargetError, match="cannot be deployed") as error:
        check_bundle(bundle, lacks(bundle, artifacts))
    assert said in str(error.value)


def test_a_release_never_changes_its_images() -> None:
    content = SlotState.of(_bundle(_service()))
    check_same(content, _bundle(_service()))
    other = replace(_service(), image=Image("api", "1.0.0", f"sha256:{'b' * 64}", "x"))
    with pytest.raises(TargetError, match="deployed already"):
        check_same(content, _bundle(other))


@pytest.mark.parametrize(("public", "fits"), [(8000, True), (8001, False), (8003, False), (8004, True)])
def test_the_public_port_lies_beside_the_routers_own(public: int, fits: bool) -> None:
    if fits:
        check_ports("shop production", public, 8001)
    else:
        with pytest.raises(TargetError, match="choose another first_port"):
            check_ports("shop production", public, 8001)
