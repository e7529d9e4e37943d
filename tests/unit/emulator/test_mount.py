"""Where the API stands in the URL, and which of the event's two paths says so. Source: localstack#12295, seen on AWS."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from emulator.mount import Mount
from tests.doubles.gateway import Rig, read_deployment, ruling

BASE = Mount("/shop")
STAGE = Mount("/local", by_stage=True)


def rig_at(mount: Mount, folder: Path) -> Rig:
    deployment = replace(read_deployment(), mount=mount)
    stage = replace(deployment.stage, access_log="$context.path $context.customDomain.basePathMatched")
    return Rig(folder, replace(deployment, stage=stage))


@pytest.mark.parametrize(
    ("mount", "asked", "path", "matched"),
    [
        (Mount(), "/open", "/open", "(none)"),
        (BASE, "/shop/open", "/shop/open", "shop"),
        (STAGE, "/local/open", "/open", "-"),
    ],
)
def test_the_event_has_both_paths(tmp_path: Path, mount: Mount, asked: str, path: str, matched: str) -> None:
    rig = rig_at(mount, tmp_path)
    event = rig.event("GET", asked)
    assert (event["path"], event["requestContext"]["path"], event["resource"]) == (path, asked, "/open")
    rig.gateway.access_log.flush()
    assert rig.log == [f"{asked} {matched}\n".encode()]


def test_parameters_are_those_of_the_resource(tmp_path: Path) -> None:
    event = rig_at(BASE, tmp_path).event("GET", "/shop/things/7/parts/8")
    assert event["pathParameters"] == {"id": "7", "part": "8"}


@pytest.mark.parametrize(
    ("path", "holds"),
    [("/shop", True), ("/shop/", True), ("/shop/x", True), ("/shopping", False), ("/", False), ("/Shop/x", False)],
)
def test_only_its_own_paths_are_the_apis(path: str, holds: bool) -> None:
    assert BASE.holds(path) is holds
    assert Mount().holds(path)


def test_the_base_path_alone_is_the_root() -> None:
    assert (BASE.within("/shop"), BASE.within("/shop/"), BASE.within("/shop/a/b")) == ("/", "/", "/a/b")


def test_a_policy_knows_the_method_without_the_base_path(tmp_path: Path) -> None:
    here = Path(__file__).parents[2] / "doubles"
    deployment = read_deployment(here / "gateway_authorizers.yaml", here / "gateway_authorizers_stages.yaml")
    rig = Rig(tmp_path, replace(deployment, mount=BASE))
    asked = []

    def rule(event: dict[str, object]) -> object:
        asked.append(event.get("methodArn"))
        return ruling()

    rig.functions.handler = rule
    rig.ask("GET", "/shop/token", headers={"X-Token": "a"})
    assert [str(arn).endswith("/GET/token") for arn in asked[:1]] == [True]
