"""MiniStack's environment is made once from the pins; what goes wrong is one line, and leaves nothing behind."""

import socket
import sys
from pathlib import Path

import pytest

from infra.local import engines, ministack, own_environment

FAKE_PYTHON = """#!{python}
import pathlib, sys
log = pathlib.Path({log!r})
log.write_text((log.read_text() if log.exists() else "") + " ".join(sys.argv[1:]) + "\\n")
if sys.argv[2] == "venv":
    binaries = pathlib.Path(sys.argv[-1], "bin")
    binaries.mkdir(parents=True)
    (binaries / "python").write_text("an interpreter")
elif {fails}:
    sys.exit("WARNING: Retrying\\nERROR: No matching distribution found for botocore\\nERROR: more")
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def _fake_python(folder: Path, patch: pytest.MonkeyPatch, *, fails: bool = False) -> Path:
    """Put a Python in place whose pip fetches nothing; return the file that lists its runs."""
    log, python = folder / "log", folder / "python"
    python.write_text(FAKE_PYTHON.format(python=sys.executable, log=str(log), fails=fails))
    python.chmod(0o755)
    patch.setattr(sys, "executable", str(python))
    return log


def test_the_environment_is_made_once(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = _fake_python(tmp_path, monkeypatch)
    first = ministack.obtain(home)
    assert ministack.obtain(home) == first
    assert first.is_relative_to(home / f"ministack-{ministack.version()}")
    assert first.read_text() == "an interpreter"
    made, installed = log.read_text().splitlines()
    assert "venv" in made
    assert "--no-deps" in installed
    assert installed.endswith(f"-r {ministack.PINS}")


def test_other_pins_make_another_environment(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _fake_python(tmp_path, monkeypatch)
    before = ministack.obtain(home)
    moved = tmp_path / "pins.txt"
    moved.write_text(ministack.PINS.read_text() + "another==1.0\n")
    monkeypatch.setattr(ministack, "PINS", moved)
    assert ministack.obtain(home) != before


def test_a_failure_is_one_line_and_leaves_nothing_behind(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fake_python(tmp_path, monkeypatch, fails=True)
    with pytest.raises(engines.NoEngine) as caught:
        engines.choose("ministack", home)
    assert str(caught.value) == (
        "pip could not fetch MiniStack: ERROR: No matching distribution found for botocore; check the network, "
        "or choose another ENGINE"
    )
    assert [path.name for path in (home / f"ministack-{ministack.version()}").iterdir()] == ["lock"]


def test_a_fetch_that_takes_too_long_is_given_up(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_environment, "INSTALL_SECONDS", 0.0)
    _fake_python(tmp_path, monkeypatch)
    with pytest.raises(own_environment.NotInstalled, match="within 0 s"):
        ministack.obtain(home)


def test_it_serves_on_the_loopback_interface_and_stops() -> None:
    """The real one: it is what every contract test of it starts."""
    engine = engines.start(engines.choose("ministack", engines.ROOT / ".local" / "engine"))
    assert engine.process is not None
    try:
        port = int(engine.url.rsplit(":", 1)[1])
        socket.create_connection(("127.0.0.1", port), 5).close()
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.2", port), 5)
        assert engine.durable is False
    finally:
        engine.stop()
    assert engine.process.poll() is not None
