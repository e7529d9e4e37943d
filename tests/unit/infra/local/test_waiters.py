"""The waiters for a stand-in wait as long as botocore's own, and look more often."""

from pathlib import Path

import pytest
from botocore.loaders import Loader
from botocore.session import Session

from infra.local.waiters import POLL_SECONDS, write_waiters


def test_botocore_takes_them_instead_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_waiters(tmp_path)
    own = Loader().load_service_model("lambda", "waiters-2")["waiters"]
    monkeypatch.setenv("AWS_DATA_PATH", str(tmp_path))
    found = Session().get_component("data_loader").load_service_model("lambda", "waiters-2")["waiters"]
    assert set(found) == set(own)
    for name, waiter in found.items():
        assert waiter["delay"] == min(POLL_SECONDS, own[name]["delay"])
        assert waiter["delay"] * waiter["maxAttempts"] >= own[name]["delay"] * own[name]["maxAttempts"] - POLL_SECONDS
        assert waiter["acceptors"] == own[name]["acceptors"]
