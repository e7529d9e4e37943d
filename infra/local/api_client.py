"""A merchant's HTTPS client, as small as it can be: keep-alive, one token, every answer as it came."""

import base64
import http.client
import json
import select
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import uuid4

TIMEOUT_SECONDS = 35
"""Longer than the gateway's own 29 s, so that its answer is what a test sees."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, its body as bytes, header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a client is given once."""

    client_id: str
    client_secret: str
    api_key: str


@dataclass(slots=True)
class Api:
    """One client of a running stack; not for use by several threads, `clone` is.

    `base_url` may have a path (the stage of an API's own URL); an empty `ca` means the authorities of the system.
    """

    base_url: str
    ca: str
    credentials: Credentials
    token: str = ""
    _connection: http.client.HTTPSConnection | None = field(default=None, init=False)

    def clone(self) -> "Api":
        """Return a client with the same token and a connection of its own."""
        return Api(self.base_url, self.ca, self.credentials, self.token)

    def login(self, scope: str | None = None) -> "Api":
        """Get a token; keep it for the calls that follow."""
        answer = self.ask_token(scope)
        if answer.status != 200:
            raise PermissionError(f"no token: {answer.status} {answer.body.decode(errors='replace')}")
        self.token = answer.json["access_token"]
        return self

    def ask_token(self, scope: str | None = None) -> Answer:
        """Ask for a token (client credentials, Basic) and return the answer as it is."""
        basic = f"{self.credentials.client_id}:{self.credentials.client_secret}".encode()
        form = "grant_type=client_credentials" + (f"&scope={quote(scope)}" if scope else "")
        headers = {
            "Authorization": "Basic " + base64.b64encode(basic).decode(),
            "Content-Type": "application/x-www-form-urlencoded",
        }
        return self.send("POST", "/oauth2/token", form.encode(), headers)

    def get(self, path: str, **headers: str) -> Answer:
        return self.send("GET", path, None, self._headers(headers))

    def post(
        self,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a write under `key`, a fresh one if none is given; an empty key sends none."""
        wanted = str(uuid4()) if key is None else key
        sent = self._headers({"Content-Type": "application/json", **(headers or {})})
        if wanted:
            sent["Idempotency-Key"] = wanted
        return self.send("POST", path, json.dumps(body if body is not None else {}).encode(), sent)

    def send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        """Send exactly this; a connection that the other side closed is opened again."""
        if self._connection is not None and _was_closed(self._connection):
            self.close()
        connection = self._connection or self._connect()
        self._connection = connection
        try:
            connection.request(method, urlsplit(self.base_url).path.rstrip("/") + path, body, dict(headers))
            response = connection.getresponse()
            payload = response.read()
        except (OSError, http.client.HTTPException):
            self.close()
            raise
        names = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, names, payload)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def available(self, account: str) -> int:
        """Return what an account can spend, in minor units."""
        amount: int = self.get(f"/v1/accounts/{account}").json["balance"]["available"]
        return amount

    def _connect(self) -> http.client.HTTPSConnection:
        address = urlsplit(self.base_url)
        context = ssl.create_default_context(cafile=self.ca or None)
        return http.client.HTTPSConnection(
            address.hostname or "", address.port, timeout=TIMEOUT_SECONDS, context=context
        )

    def _headers(self, more: Mapping[str, str]) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {self.token}",
            "x-api-key": self.credentials.api_key,
            **more,
        }


def _was_closed(connection: http.client.HTTPSConnection) -> bool:
    """Tell whether an idle connection has something to read: the server's goodbye, since no answer is due."""
    return connection.sock is None or bool(select.select([connection.sock], [], [], 0)[0])
