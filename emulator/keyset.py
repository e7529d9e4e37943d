"""An issuer's keys: discovery and JWKS over HTTPS, cached for an hour, fetched in a thread and never often."""

from __future__ import annotations

import asyncio
import http.client
import ssl
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from emulator.clock import Clock

PublicKey = EllipticCurvePublicKey | RSAPublicKey
Fetch = Callable[[str], bytes]

CACHED_MS = 3_600_000  # AWS: keys are cached for up to an hour
REFETCH_MS = 5_000  # an unknown kid may make us look again this often, and no more
RETRY_MS = 1_000  # after a failure
CONNECT_SECONDS = 3.0
TOTAL_SECONDS = 5.0
SIZE_LIMIT = 262_144
KEYS_LIMIT = 100
RSA_BITS = 2_048

_CURVES = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}
_RSA = frozenset({"RS256", "RS384", "RS512"})
_PRIVATE = ("d", "p", "q", "dp", "dq", "qi", "oth", "k")


class KeysUnavailable(Exception):
    """The issuer's documents could not be read, and nothing fresh enough is at hand."""


@dataclass(frozen=True, slots=True)
class VerificationKey:
    """A public key with the algorithms it may be used with: the key decides, not the token."""

    kid: str
    algorithms: frozenset[str]
    key: PublicKey


def _usable(jwk: object) -> VerificationKey | None:
    """The key if it can only be a public signing key of sufficient strength."""
    if not isinstance(jwk, dict) or not _for_signatures(jwk):
        return None
    algorithms = _algorithms(jwk)
    key = _public_key(jwk, algorithms) if algorithms else None
    return VerificationKey(jwk["kid"], algorithms, key) if key is not None else None


def _for_signatures(jwk: Mapping[str, Any]) -> bool:
    operations = jwk.get("key_ops", ["verify"])
    named = isinstance(jwk.get("kid"), str) and jwk["kid"] != ""
    public = not any(name in jwk for name in _PRIVATE)
    return (
        named and public and jwk.get("use", "sig") == "sig" and isinstance(operations, list) and "verify" in operations
    )


def _public_key(jwk: dict[str, Any], algorithms: frozenset[str]) -> PublicKey | None:
    try:
        key = PyJWK(jwk, algorithm=min(algorithms)).key
    except (PyJWTError, ValueError, TypeError):
        return None
    if isinstance(key, RSAPublicKey):
        return key if key.key_size >= RSA_BITS else None
    return key if isinstance(key, EllipticCurvePublicKey) else None


def _algorithms(jwk: Mapping[str, Any]) -> frozenset[str]:
    if jwk.get("kty") == "RSA":
        possible = _RSA
    elif jwk.get("kty") == "EC" and jwk.get("crv") in _CURVES:
        possible = frozenset({_CURVES[jwk["crv"]]})
    else:
        return frozenset()
    return possible & {jwk["alg"]} if isinstance(jwk.get("alg"), str) else possible


def read_jwks(text: bytes) -> dict[str, VerificationKey]:
    """The usable keys by kid. A kid that stands twice names no key. Raises ValueError."""
    document = orjson.loads(text)
    rows = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(rows, list) or len(rows) > KEYS_LIMIT:
        raise ValueError("no list of keys")
    kids = [row.get("kid") for row in rows if isinstance(row, dict)]
    return {key.kid: key for key in _each_usable(rows) if kids.count(key.kid) == 1}


def _each_usable(rows: list[object]) -> Iterator[VerificationKey]:
    for row in rows:
        key = _usable(row)
        if key is not None:
            yield key


def https_fetch(ca: Path | None, clock: Clock) -> Fetch:
    """A blocking GET over verified TLS: no redirect, bounded in size and time. Raises OSError or ValueError."""
    context = ssl.create_default_context(cafile=str(ca) if ca else None)

    def fetch(url: str) -> bytes:
        parts = urlsplit(url)
        if parts.scheme != "https" or parts.hostname is None:
            raise ValueError(f"{url}: not an https URL")
        connection = http.client.HTTPSConnection(parts.hostname, parts.port, timeout=CONNECT_SECONDS, context=context)
        try:
            connection.request("GET", parts.path or "/", headers={"Accept": "application/json"})
            response = connection.getresponse()
            if response.status != 200:
                raise ValueError(f"{url}: status {response.status}")
            return _bounded(response, url, clock)
        except http.client.HTTPException as error:
            raise ValueError(f"{url}: {error!r}") from error
        finally:
            connection.close()

    return fetch


def _bounded(response: http.client.HTTPResponse, url: str, clock: Clock) -> bytes:
    deadline_ms = clock.steady() + TOTAL_SECONDS * 1_000
    body = b""
    while chunk := response.read1(65_536):
        body += chunk
        if len(body) > SIZE_LIMIT or clock.steady() > deadline_ms:
            raise ValueError(f"{url}: too large or too slow")
    return body


async def _in_thread(function: Callable[[], Mapping[str, VerificationKey]]) -> Mapping[str, VerificationKey]:
    """Runs in a thread that never holds up the end of the process."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Mapping[str, VerificationKey]] = loop.create_future()

    def settle(result: Mapping[str, VerificationKey] | None, error: Exception | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result or {})

    def run() -> None:
        try:
            result, error = function(), None
        except Exception as failure:  # noqa: BLE001 (handed to whoever waits)
            result, error = None, failure
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, result, error)

    threading.Thread(target=run, name="jwks", daemon=True).start()
    return await asyncio.wait_for(future, 2 * (CONNECT_SECONDS + TOTAL_SECONDS))


@dataclass(slots=True)
class KeySet:
    """The keys of one issuer. `generation` moves on whenever the set changes, so that verdicts can be dropped."""

    issuer: str
    fetch: Fetch
    clock: Clock
    generation: int = 0
    _keys: Mapping[str, VerificationKey] = field(default_factory=dict)
    _fresh_until: int | None = None
    _again_at: int | None = None
    _under_way: asyncio.Task[None] | None = None

    def fresh(self) -> bool:
        return self._fresh_until is not None and self.clock.steady() < self._fresh_until

    def at_hand(self, kid: str) -> VerificationKey | None:
        """The key of exactly this kid, if nothing has to be fetched to be sure."""
        return self._keys.get(kid) if self.fresh() else None

    async def find(self, kid: str) -> VerificationKey | None:
        """The key of exactly this kid, or None. Raises KeysUnavailable."""
        if not self.fresh() or kid not in self._keys:
            await self.refresh()
        if not self.fresh():
            raise KeysUnavailable(self.issuer)
        return self._keys.get(kid)

    async def refresh(self) -> None:
        """Fetches unless that was done just now; those who come meanwhile wait for the same fetch."""
        if self._under_way is None:
            if self._again_at is not None and self.clock.steady() < self._again_at:
                return
            self._under_way = asyncio.create_task(self._refresh())
        await asyncio.shield(self._under_way)

    async def _refresh(self) -> None:
        try:
            keys = await _in_thread(self._read)
        except Exception as error:  # noqa: BLE001 (whatever went wrong, the keys are not there)
            print(f"{self.issuer}: keys not read: {error!r}", file=sys.stderr)  # noqa: T201
            self._again_at = self.clock.steady() + RETRY_MS
        else:
            self._replace(keys)
        finally:
            self._under_way = None

    def _replace(self, keys: Mapping[str, VerificationKey]) -> None:
        same = keys.keys() == self._keys.keys() and all(keys[kid].key == self._keys[kid].key for kid in keys)
        if not same:
            self._keys = keys
            self.generation += 1
        now = self.clock.steady()
        self._fresh_until, self._again_at = now + CACHED_MS, now + REFETCH_MS

    def _read(self) -> Mapping[str, VerificationKey]:
        document = orjson.loads(self.fetch(self.issuer.rstrip("/") + "/.well-known/openid-configuration"))
        if not isinstance(document, dict) or document.get("issuer") != self.issuer:
            raise ValueError("discovery does not name this issuer")
        address = document.get("jwks_uri")
        if not isinstance(address, str):
            raise ValueError("discovery names no jwks_uri")  # noqa: TRY004 (the document is wrong, not a type of ours)
        return read_jwks(self.fetch(address))
