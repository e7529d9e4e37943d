"""The code of deployed functions: each zip once, by its digest, with the folder it was unpacked into."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import shutil
import stat
import zipfile
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from emulator.control.errors import ControlError

ZIPPED_BYTES: Final = 50 * 1024 * 1024
UNZIPPED_BYTES: Final = 250 * 1024 * 1024
"""The largest deployment package. Source: Lambda quotas, "Deployment package (.zip file archive) size"."""


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
        """Delete what no function names any more."""
        kept = {self.home(sha256) for sha256 in used}
        for folder in self.folder.iterdir() if self.folder.exists() else ():
            if folder not in kept:
                shutil.rmtree(folder, ignore_errors=True)


def _unpack(package: bytes, folder: Path) -> None:
    try:
        archive = zipfile.ZipFile(io.BytesIO(package))
        broken = archive.testzip() if _unpacked_size(archive) <= UNZIPPED_BYTES else None
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        raise _bad("Could not unzip uploaded file. Please check your file, then try to upload again.") from error
    if broken is not None:
        raise _bad(f"Could not unzip uploaded file: {broken} is damaged.")
    if _unpacked_size(archive) > UNZIPPED_BYTES:
        raise _bad(f"Unzipped size must be smaller than {UNZIPPED_BYTES} bytes")
    folder.mkdir(parents=True)
    for entry in archive.infolist():
        _check_entry(entry)
        archive.extract(entry, folder)


def _unpacked_size(archive: zipfile.ZipFile) -> int:
    return sum(entry.file_size for entry in archive.infolist())


def _check_entry(entry: zipfile.ZipInfo) -> None:
    """A file of a zip stays within its folder, and is a file: whoever deploys may not write elsewhere by it."""
    path = PurePosixPath(entry.filename)
    if path.is_absolute() or ".." in path.parts or "\\" in entry.filename or "\0" in entry.filename:
        raise _bad(f"Could not unzip uploaded file: {entry.filename!r} leads out of its folder.")
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise _bad(f"Could not unzip uploaded file: {entry.filename!r} is a link, which is not unpacked here.")


def _bad(text: str) -> ControlError:
    return ControlError("InvalidParameterValueException", text)
