"""The document by which gateways learn the keys (RFC 7517, section 5), and the folder that it may be kept in."""

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from chalicelib.kernel.jwk import Jwk

NAME: Final = "jwks.json"


class Overtaken(Exception):
    """Somebody else has published since the document was read."""


@dataclass(frozen=True, slots=True)
class Copy:
    """The document as it was read; `version` names what was read, where the place can tell."""

    text: bytes
    version: str = ""

    def kids(self) -> frozenset[str]:
        """Return the ids of the keys in it; what is no such document holds none."""
        try:
            return frozenset(str(key["kid"]) for key in json.loads(self.text)["keys"])
        except (ValueError, KeyError, TypeError):
            return frozenset()


class Document(Protocol):
    """A place that the issuer's host serves the keys from."""

    def read(self) -> Copy | None:
        """Return what is there; None if nothing is."""
        ...

    def write(self, text: bytes, over: Copy | None) -> None:
        """Put a text in the place of `over`; may raise Overtaken, but never leaves half a text."""
        ...


def encoded(keys: Iterable[Jwk]) -> bytes:
    """Return the document that holds these keys; the same keys give the same bytes."""
    return json.dumps({"keys": list(keys)}, indent=2).encode() + b"\n"


@dataclass(frozen=True, slots=True)
class FolderDocument:
    """The document in a folder of this machine: the local stack's issuer."""

    folder: Path

    def read(self) -> Copy | None:
        """Return what is there; None if nothing is."""
        try:
            return Copy((self.folder / NAME).read_bytes())
        except FileNotFoundError:
            return None

    def write(self, text: bytes, over: Copy | None) -> None:
        """Replace it in one rename."""
        half = self.folder / f".{NAME}.{os.getpid()}"
        half.write_bytes(text)
        half.chmod(0o644)
        half.replace(self.folder / NAME)
