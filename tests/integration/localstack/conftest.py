"""The stand-ins without the platform in them, each a child process for the whole session."""

from collections.abc import Iterator

import pytest

from infra.local import engines, stand_in
from tests.integration.localstack.bare_stand_in import NOT_LONG_SECONDS, PATIENCE_SECONDS, Bare
from tests.integration.localstack.differences import STAND_INS, known


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Expect what is known to differ; strictly, so that a stand-in that does better is noticed.

    Who asks the same one stays on one worker.
    """
    for item in items:
        parameters = item.callspec.params if hasattr(item, "callspec") else {}
        if "bare" in parameters:
            item.add_marker(pytest.mark.xdist_group(f"bare {parameters['bare']}"))
        reason = known(getattr(item, "originalname", ""), str(parameters.get("bare", "")))
        if reason:
            item.add_marker(pytest.mark.xfail(strict=True, reason=reason))


def _running(name: str, paths: pytest.TempPathFactory) -> Iterator[Bare]:
    folder = paths.mktemp(name)
    asked = stand_in.chosen({"ENDPOINT": f"{name}:{engines.free_port()}"})
    with pytest.MonkeyPatch.context() as patch:
        # moto would run functions in containers, and fetch their images, where there is a Docker.
        patch.setenv("DOCKER_HOST", f"unix://{folder}/no-docker")
        process = stand_in.start(asked, folder / "functions", folder / "log")
    assert process is not None
    try:
        yield Bare.at(asked.url)
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="session")
def ministack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bare]:
    yield from _running("ministack", tmp_path_factory)


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bare]:
    yield from _running("moto", tmp_path_factory)


@pytest.fixture(params=STAND_INS)
def bare(request: pytest.FixtureRequest) -> Bare:
    found: Bare = request.getfixturevalue(request.param)
    differs = known(request.node.originalname, request.param)
    found.patience_seconds = NOT_LONG_SECONDS if differs else PATIENCE_SECONDS
    return found
