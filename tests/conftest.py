"""One real stack for the whole session, started when the first test asks for it."""

from collections.abc import Iterator

import pytest

from tests.e2e.local_stack import LocalStack

_SHARED = {"stack", "api", "accounts", "new_client"}


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep what shares something on one worker: a second stack, or server, would only take its processor."""
    for item in items:
        if _SHARED & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.xdist_group("stack"))
        elif _shares_a_module(item):
            item.add_marker(pytest.mark.xdist_group(item.location[0]))


def _shares_a_module(item: pytest.Item) -> bool:
    fixtures = item._fixtureinfo.name2fixturedefs if isinstance(item, pytest.Function) else {}
    return any(one.scope == "module" for found in fixtures.values() for one in found)


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """Run the shared stack, on free ports and with folders of its own."""
    running = LocalStack(tmp_path_factory.mktemp("stack"))
    try:
        yield running.start()
    finally:
        running.stop()
