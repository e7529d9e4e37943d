"""What is kept is whole, and its owner's alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from emulator.control.kept import Kept, put

STEPS = ("open", "fdopen", "fsync", "replace", "unlink")


def test_what_was_written_is_read(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "made" / "here")
    assert kept.read("apis") == {}
    kept.write("apis", {"ids": ["a", "é"]})
    assert Kept(tmp_path / "made" / "here").read("apis") == {"ids": ["a", "é"]}
    kept.remove("apis")
    kept.remove("apis")
    assert kept.read("apis") == {}


def test_nobody_else_may_look(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        kept = Kept(tmp_path / "kept")
        kept.write("account", {"api_keys": {}})
        kept.write("account", {"api_keys": {"a": {}}})
    finally:
        os.umask(before)
    assert (tmp_path / "kept").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "kept" / "account.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("step", STEPS)
def test_a_write_that_is_cut_off_leaves_what_was_there(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Kept(tmp_path)
    kept.write("apis", {"ids": ["before"]})

    def cut_off(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Path if step in ("replace", "unlink") else os, step, cut_off)
        with pytest.raises(KeyboardInterrupt):
            kept.write("apis", {"ids": ["after"]})
    assert kept.read("apis") == {"ids": ["before"]}
    kept.write("apis", {"ids": ["later"]})
    assert kept.read("apis") == {"ids": ["later"]}


def test_half_a_file_beside_it_is_nobodys(tmp_path: Path) -> None:
    (tmp_path / "keys.new").write_bytes(b'{"hal')
    (tmp_path / "keys.new").chmod(0o644)
    put(tmp_path / "keys.json", b"{}")
    assert (tmp_path / "keys.json").read_bytes() == b"{}"
    assert (tmp_path / "keys.json").stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / "keys.new").exists()


def test_the_file_is_on_disk_before_its_name_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def recorded(descriptor: int) -> None:
        done.append("folder" if os.path.isdir(f"/proc/self/fd/{descriptor}") else "file")  # noqa: PTH112
        fsync(descriptor)

    def renamed(self: Path, target: Path) -> Path:
        done.append("name")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", recorded)
    monkeypatch.setattr(Path, "replace", renamed)
    put(tmp_path / "a.json", b"{}")
    assert done == ["file", "name", "folder"]
