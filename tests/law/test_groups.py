"""What is shared stays on one worker: it is started once, and takes its processor once."""

import os

import pytest

pytestmark = pytest.mark.skipif("PYTEST_XDIST_WORKER" not in os.environ, reason="one process: there is nothing to keep")


@pytest.fixture(scope="module")
def shared() -> int:
    return 1


@pytest.mark.xdist_group("kept-together")
def test_xdist_sees_the_groups(request: pytest.FixtureRequest) -> None:
    assert request.node.nodeid.endswith("@kept-together")


def test_tests_that_share_a_modules_fixture_are_a_group(shared: int, request: pytest.FixtureRequest) -> None:
    assert request.node.nodeid.endswith("@tests/law/test_groups.py")
