"""API Gateway's control plane put together."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from emulator.clock import Clock
from emulator.control.apis.catalog import Catalog, Row, bad
from emulator.control.apis.live import Live
from emulator.control.apis.methods import Methods
from emulator.control.apis.parts import Parts
from emulator.control.apis.patch import Patches
from emulator.control.apis.releases import Releases
from emulator.control.apis.rest_apis import RestApis
from emulator.control.apis.tags import Tags
from emulator.control.apis.tree import Tree
from emulator.control.apis.usage import Usage
from emulator.control.kept import Kept
from emulator.control.operation import Operation
from emulator.keyset import Fetch

_OF_LAMBDA: Final = (
    *("authorizerUri", "authorizerResultTtlInSeconds", "authorizerCredentials", "identityValidationExpression"),
    "providerARNs",
)
_DISCOVERY: Final = "/.well-known/openid-configuration"


@dataclass(frozen=True, slots=True)
class ApiGateway:
    """The plane; `fetch` reads an issuer's documents."""

    kept: Kept
    live: Live
    fetch: Fetch
    clock: Clock = field(default_factory=Clock)
    releases: Releases = field(init=False)
    operations: Mapping[str, Operation] = field(init=False)
    name: str = "apigateway"

    def __post_init__(self) -> None:
        """Put back what was deployed before, without serving it yet."""
        catalog, patches = Catalog(self.kept, self.clock), Patches()
        releases = Releases(catalog, patches, self.live)
        object.__setattr__(self, "releases", releases)
        rooms = (
            RestApis(catalog, patches, releases, self._check_authorizer),
            Tree(catalog, patches),
            Methods(catalog, patches),
            Parts(catalog, patches, self._check_authorizer),
            releases,
            Usage(catalog, patches, releases),
            Tags(catalog, patches),
        )
        object.__setattr__(self, "operations", {k: one for room in rooms for k, one in room.operations().items()})

    async def _check_authorizer(self, row: Row, _record: Row) -> None:
        """Refuse what would not be enforced; of a JWT authorizer, read where its issuers keep their keys."""
        match row["type"]:
            case "JWT":
                if not row.get("jwtConfiguration", {}).get("issuers"):
                    raise bad("A JWT authorizer needs a jwtConfiguration with an issuer")
                if strange := [member for member in _OF_LAMBDA if row.get(member) is not None]:
                    raise bad(f"A JWT authorizer has no {strange[0]}")
                for issuer in row["jwtConfiguration"]["issuers"]:
                    issuer["jwksUri"] = await self._key_set(issuer["issuer"])
            case "TOKEN" | "REQUEST":
                if not row.get("authorizerUri"):
                    raise bad("Invalid Authorizer URI: a Lambda authorizer needs an authorizerUri")
                row.setdefault("authorizerResultTtlInSeconds", 300)
            case other:
                raise bad(f"Authorizer type {other} is not enforced here: use TOKEN, REQUEST or JWT")

    async def _key_set(self, issuer: str) -> str:
        """Where an issuer's keys are. As on AWS they are asked for now: an authorizer cannot come before its issuer."""
        try:
            text = await asyncio.to_thread(self.fetch, issuer.rstrip("/") + _DISCOVERY)
            document: Any = orjson.loads(text)
        except Exception as error:
            raise bad(f"Invalid issuer: {issuer}{_DISCOVERY} cannot be read: {error}") from error
        if not isinstance(document, dict) or document.get("issuer") != issuer:
            raise bad(f"Invalid issuer: {issuer}{_DISCOVERY} does not name this issuer")
        if not isinstance(document.get("jwks_uri"), str):
            raise bad(f"Invalid issuer: {issuer}{_DISCOVERY} names no jwks_uri")
        return str(document["jwks_uri"])
