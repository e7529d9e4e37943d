"""One real stack for the whole session, started when the first test asks for it."""

from collections.abc import Iterator

import pytest

from tests.e2e.local_stack import LocalStack

_SHARED = {"stack", "api", "accounts", "new_client"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the users of the shared stack on one worker: a second stack would only take its processor."""
    for item in items:
        if _SHARED & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.xdist_group("stack"))


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """Run the shared stack, on free ports and with folders of its own."""
    running = LocalStack(tmp_path_factory.mktemp("stack"))
    try:
        yield running.start()
    finally:
        running.stop()
