"""The issuer's host: three static documents, as a bucket behind a CDN would serve them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from emulator.gateway.context import Reply

PREFIX = "/_emulator/issuer/.well-known/"
_FILES = {f"{PREFIX}{name}": name for name in ("openid-configuration", "oauth-authorization-server", "jwks.json")}
MAX_AGE_SECONDS = 300
SIZE_LIMIT = 1_048_576


@dataclass(frozen=True, slots=True)
class IssuerDocuments:
    """Serves the files of `directory`, read anew each time, and nothing else."""

    directory: Path | None

    def answer(self, method: str, path: str) -> Reply:
        name = _FILES.get(path)
        if name is None or self.directory is None:
            return _plain(404, b"not found\n")
        if method not in ("GET", "HEAD"):
            return _plain(405, b"method not allowed\n", ("Allow", "GET, HEAD"))
        try:
            with (self.directory / name).open("rb") as file:
                body = file.read(SIZE_LIMIT)
        except OSError:
            return _plain(404, b"not found\n")
        caching = ("Cache-Control", f"public, max-age={MAX_AGE_SECONDS}")
        return Reply(200, [("Content-Type", "application/json"), caching], body)


def _plain(status: int, body: bytes, *headers: tuple[str, str]) -> Reply:
    return Reply(status, [("Content-Type", "text/plain"), *headers], body)
