"""A group of tests stays on one worker: what they share is started once, and takes its processor once."""

import os

import pytest


@pytest.mark.skipif("PYTEST_XDIST_WORKER" not in os.environ, reason="one process: there are no groups to keep")
@pytest.mark.xdist_group("kept-together")
def test_xdist_sees_the_groups(request: pytest.FixtureRequest) -> None:
    assert request.node.nodeid.endswith("@kept-together")
