"""A fresh gateway for every test that asks for one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.doubles.gateway import Rig


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path)
