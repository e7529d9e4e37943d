"""The code of deployed functions: each zip once, by its digest, with the folder it was unpacked into."""

from __future__ import annotations

import base64
import errno
import hashlib
import io
import lzma
import os
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from emulator.control.errors import ControlError

ZIPPED_BYTES: Final = 50 * 1024 * 1024
UNZIPPED_BYTES: Final = 250 * 1024 * 1024
"""The largest deployment package. Source: Lambda quotas, "Deployment package (.zip file archive) size"."""

_DAMAGED: Final = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error,
    EOFError, NotImplementedError, OSError, RuntimeError, ValueError,
)  # fmt: skip
"""What Python's readers say of a zip in memory that is damaged, encrypted or packed by an unknown method."""

_NO_PLACE: Final = (errno.EEXIST, errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG)


@dataclass(frozen=True, slots=True)
class Code:
    """The folder of all code."""

    folder: Path

    def keep(self, package: bytes) -> str:
        """Keep a zip and unpack it; return its CodeSha256. Errors as Lambda has them for what is no good zip."""
        if len(package) > ZIPPED_BYTES:
            raise ControlError("RequestEntityTooLargeException", f"A zip has at most {ZIPPED_BYTES} bytes", 413)
        digest = hashlib.sha256(package)
        home = self.folder / digest.hexdigest()
        if not home.exists():
            fresh = home.with_suffix(".new")
            shutil.rmtree(fresh, ignore_errors=True)
            try:
                _unpack(package, fresh)
            except BaseException:
                shutil.rmtree(fresh, ignore_errors=True)
                raise
            os.replace(fresh, home)  # noqa: PTH105 - of folders, and as one step
        return base64.b64encode(digest.digest()).decode()

    def home(self, sha256: str) -> Path:
        """Return the folder of a CodeSha256."""
        return self.folder / base64.b64decode(sha256).hex()

    def forget_all_but(self, used: Collection[str]) -> None:
        """Delete every folder that is not one of these."""
        for folder in self.folder.iterdir() if self.folder.exists() else ():
            if str(folder) not in used:
                shutil.rmtree(folder, ignore_errors=True)


def _unpack(package: bytes, folder: Path) -> None:
    try:
        archive = zipfile.ZipFile(io.BytesIO(package))
        size = sum(entry.file_size for entry in archive.infolist())
        if size <= UNZIPPED_BYTES and archive.testzip() is not None:
            raise zipfile.BadZipFile
    except _DAMAGED as error:
        raise _bad("Could not unzip uploaded file. Please check your file, then try to upload again.") from error
    if size > UNZIPPED_BYTES:
        raise _bad(f"Unzipped size must be smaller than {UNZIPPED_BYTES} bytes")
    folder.mkdir(parents=True)
    for entry in archive.infolist():
        _check_entry(entry)
        try:
            _put(archive, entry, folder)
        except OSError as error:
            if error.errno not in _NO_PLACE:
                raise
            raise _bad(f"Could not unzip uploaded file: {entry.filename!r} has no place beside the others.") from error


def _put(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path) -> None:
    """Unpack an entry; of its permissions, only whether it may be run counts."""
    made = Path(archive.extract(entry, folder))
    if not entry.is_dir():
        made.chmod(0o755 if entry.external_attr >> 16 & 0o111 else 0o644)


def _check_entry(entry: zipfile.ZipInfo) -> None:
    """A file of a zip stays within its folder, and is a file: whoever deploys may not write elsewhere by it."""
    path = PurePosixPath(entry.filename)
    if path.is_absolute() or ".." in path.parts or "\\" in entry.filename or "\0" in entry.filename:
        raise _bad(f"Could not unzip uploaded file: {entry.filename!r} leads out of its folder.")
    if not path.parts:
        raise _bad("Could not unzip uploaded file: an entry has no name.")
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise _bad(f"Could not unzip uploaded file: {entry.filename!r} is a link, which is not unpacked here.")


def _bad(text: str) -> ControlError:
    return ControlError("InvalidParameterValueException", text)
