"""Zips: what is unpacked is what was in them, within its folder, once, and nothing else is kept."""

from __future__ import annotations

import base64
import hashlib
import io
import stat
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.control.errors import ControlError
from emulator.control.functions import code as room
from emulator.control.functions.code import Code
from tests.doubles.control_planes import refused
from tests.doubles.lambda_planes import package, zipped

BAD = "InvalidParameterValueException"


def one(name: str, text: bytes = b"x", mode: int = 0o644) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        entry = zipfile.ZipInfo(name)
        entry.external_attr = mode << 16
        archive.writestr(entry, text)
    return packed.getvalue()


def files(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def test_a_zip_is_unpacked_once_under_its_digest(tmp_path: Path) -> None:
    code, packed = Code(tmp_path / "code"), zipped({"a.py": "1", "b/c.py": "2", "b/empty/": ""})
    sha256 = code.keep(packed)
    assert sha256 == base64.b64encode(hashlib.sha256(packed).digest()).decode()
    assert files(code.home(sha256)) == {"a.py": b"1", "b/c.py": b"2"}
    (code.home(sha256) / "a.py").write_text("as it is")
    assert code.keep(packed) == sha256
    assert (code.home(sha256) / "a.py").read_text() == "as it is"


@pytest.mark.parametrize(
    ("mode", "found"), [(0o755, 0o755), (0o100, 0o755), (0o600, 0o644), (0, 0o644), (0o4777, 0o755)]
)
def test_of_the_permissions_only_that_a_file_may_be_run_counts(tmp_path: Path, mode: int, found: int) -> None:
    code = Code(tmp_path)
    home = code.home(code.keep(one("bin/tool", mode=mode)))
    assert stat.S_IMODE((home / "bin" / "tool").stat().st_mode) == found


@pytest.mark.parametrize("name", ["../x", "a/../../x", "/etc/x", "a\\x", "..", "/", "."])
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    code = Code(tmp_path / "code")
    with refused(BAD, "Could not unzip"):
        code.keep(one(name))
    assert files(tmp_path) == {}
    assert list(code.folder.iterdir()) == []


def test_a_link_is_refused(tmp_path: Path) -> None:
    with refused(BAD, "is a link"):
        Code(tmp_path).keep(one("passwords", b"/etc/passwd", stat.S_IFLNK | 0o777))


@pytest.mark.parametrize("names", [("a", "a/b"), ("a/b", "a"), ("n" * 300, "b")])
def test_files_that_cannot_stand_beside_each_other_are_refused(tmp_path: Path, names: tuple[str, str]) -> None:
    with refused(BAD, "has no place"):
        Code(tmp_path).keep(zipped(dict.fromkeys(names, "x")))
    assert list(tmp_path.iterdir()) == []


def test_what_is_too_large_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = zipped({"zeros": b"\0" * 1_000_000})
    assert len(bomb) < 2_000
    monkeypatch.setattr(room, "UNZIPPED_BYTES", 999_999)
    with refused(BAD, "Unzipped size must be smaller"):
        Code(tmp_path).keep(bomb)
    monkeypatch.setattr(room, "ZIPPED_BYTES", len(bomb) - 1)
    with refused("RequestEntityTooLargeException", status=413):
        Code(tmp_path).keep(bomb)
    assert list(tmp_path.iterdir()) == []


def test_a_zip_that_lies_about_its_size_is_no_zip(tmp_path: Path) -> None:
    """Whoever says less than there is, to pass as small, does not match its own checksum."""
    honest, size = zipped({"zeros": b"\0" * 100_000}), (100_000).to_bytes(4, "little")
    assert honest.count(size) == 2
    with refused(BAD, "Could not unzip uploaded file"):
        Code(tmp_path).keep(honest.replace(size, (10).to_bytes(4, "little")))


@pytest.mark.parametrize("packed", [b"", b"no zip", zipped({"a": "x" * 100})[:-30], zipped({"a": "x"})[10:]])
def test_what_is_no_zip_is_refused(tmp_path: Path, packed: bytes) -> None:
    with refused(BAD, "Could not unzip uploaded file"):
        Code(tmp_path).keep(packed)
    assert list(tmp_path.iterdir()) == []


GOOD = {
    method: io.BytesIO() for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
}
for _method, _packed in GOOD.items():
    with zipfile.ZipFile(_packed, "w", _method) as _archive:
        _archive.writestr(zipfile.ZipInfo("entry.py"), "def handle(event, context):\n    return 1\n" * 5, _method)


@given(st.sampled_from(sorted(GOOD)), st.integers(0, 10_000), st.integers(1, 255))
def test_a_damaged_zip_is_unpacked_within_or_refused(
    tmp_path_factory: pytest.TempPathFactory, method: int, place: int, flipped: int
) -> None:
    packed = bytearray(GOOD[method].getvalue())
    packed[place % len(packed)] ^= flipped
    outer = tmp_path_factory.mktemp("damaged")
    code = Code(outer / "code")
    try:
        code.keep(bytes(packed))
    except ControlError as refusal:
        assert refusal.code == BAD
        assert not [path for path in outer.rglob("*") if path.is_file()]
    else:
        assert [path.name for path in outer.iterdir()] == ["code"]


PARTS = st.sampled_from(["a", "b", "..", ".", "", "c.py", "\\", "é", " "])


@given(
    st.lists(st.lists(PARTS, min_size=1, max_size=4).map("/".join).filter(bool), min_size=1, max_size=4, unique=True)
)
def test_no_name_leads_out_of_the_folder(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    outer = tmp_path_factory.mktemp("names")
    code = Code(outer / "code")
    try:
        home = code.home(code.keep(zipped(dict.fromkeys(names, "x"))))
    except ControlError as refusal:
        assert refusal.code == BAD
        home = outer / "nowhere"
    outside = [path for path in outer.rglob("*") if path.is_file() and home not in path.parents]
    assert outside == []


def test_what_nobody_names_is_deleted(tmp_path: Path) -> None:
    code = Code(tmp_path / "code")
    code.forget_all_but([])
    first, second = code.home(code.keep(package("1"))), code.home(code.keep(package("2")))
    (code.folder / "half.new").mkdir()
    code.forget_all_but([str(second)])
    assert list(code.folder.iterdir()) == [second]
    assert not first.exists()
