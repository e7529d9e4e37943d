"""One call to an AWS service that speaks JSON 1.x, for a tenth of boto3's CPU: one attempt, one write, one deadline.

The request is rendered and signed here (SigV4, the signing key kept for the day), the response is parsed by httptools
(llhttp). Connections are kept alive and belong to one call at a time, so a client may be shared by threads.
"""

import hashlib
import hmac
import os
import select
import socket
import time
from base64 import b64encode
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import httptools
import orjson

from chalicelib.kernel.clock import SECOND_MS, Clock, SystemClock
from chalicelib.store.port import OutcomeUnknown, Unreachable

if TYPE_CHECKING:
    import ssl

Json = dict[str, Any]

CONNECT_SECONDS: Final = 1.0
IDLE_SECONDS: Final = 45.0  # a connection that slept longer (a frozen Lambda) may be dead without our being told
_CHUNK: Final = 65536
_OK: Final = 200


class AwsError(Exception):
    """The service answered with an error: its code without the namespace, the HTTP status and the parsed body."""

    def __init__(self, code: str, status: int, body: Json) -> None:
        super().__init__(f"{code or 'no code'} ({status}): {body.get('message') or body.get('Message') or ''}")
        self.code = code
        self.status = status
        self.body = body


class StaleConnection(OutcomeUnknown):
    """A kept connection was closed before any byte of an answer: most likely, not certainly, nothing was done."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Access key, secret key and, for temporary ones, the session token."""

    access_key: str
    secret_key: str
    token: str | None = None


def credentials_source(environ: Mapping[str, str] = os.environ) -> Callable[[], Credentials]:
    """Lambda's variables where they are set; else botocore's chain, which is imported only then."""
    access_key, secret_key = environ.get("AWS_ACCESS_KEY_ID"), environ.get("AWS_SECRET_ACCESS_KEY")
    if access_key and secret_key:
        fixed = Credentials(access_key, secret_key, environ.get("AWS_SESSION_TOKEN") or None)
        return lambda: fixed
    return _botocore_chain()


def _botocore_chain() -> Callable[[], Credentials]:
    import botocore.session  # noqa: PLC0415  (200 ms that a Lambda function need not pay)

    found = botocore.session.get_session().get_credentials()
    if found is None:
        raise LookupError("no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")

    def current() -> Credentials:
        frozen = found.get_frozen_credentials()
        return Credentials(frozen.access_key, frozen.secret_key, frozen.token)

    return current


def region_from(environ: Mapping[str, str] = os.environ) -> str:
    """The Region of the place this runs in."""
    region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION")
    if not region:
        raise LookupError("no Region: set AWS_REGION")
    return region


# botocore names the variable after the service's id, which differs from its host name here.
_SERVICE_IDS: Final = {"secretsmanager": "SECRETS_MANAGER"}


def endpoint_from(service: str, region: str, environ: Mapping[str, str] = os.environ) -> str:
    """The service's own variable, then the general one, then the Region's host."""
    own = f"AWS_ENDPOINT_URL_{_SERVICE_IDS.get(service, service.upper())}"
    suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    return environ.get(own) or environ.get("AWS_ENDPOINT_URL") or f"https://{service}.{region}.{suffix}"


@dataclass(frozen=True, slots=True)
class Address:
    """Where to connect, and the host as the Host header and the signature name it."""

    tls: bool
    hostname: str
    port: int
    host: str

    @classmethod
    def of(cls, endpoint: str) -> "Address":
        parts = urlsplit(endpoint)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/"):
            raise ValueError(f"not an endpoint: {endpoint}")
        tls = parts.scheme == "https"
        default = 443 if tls else 80
        name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        host = name if parts.port in (None, default) else f"{name}:{parts.port}"
        return cls(tls, parts.hostname, parts.port or default, host)


class Signer:
    """SigV4 for POST / with the headers that this client sends; equal to botocore's SigV4Auth byte for byte."""

    def __init__(self, service: str, region: str, host: str, content_type: str) -> None:
        self._scope_tail = f"{region}/{service}/aws4_request"
        self._service = service
        self._region = region
        self._fixed = f"POST\n/\n\ncontent-type:{content_type}\nhost:{host}\nx-amz-date:"
        self._key: tuple[str, str, bytes] = ("", "", b"")  # (secret, day, key): changes once a day

    def authorization(self, target: str, body: bytes, amz_date: str, credentials: Credentials) -> str:
        """The value of the Authorization header at an instant like 20261123T090000Z."""
        token = credentials.token
        names = f"content-type;host;x-amz-date;{'x-amz-security-token;' if token else ''}x-amz-target"
        token_line = f"x-amz-security-token:{' '.join(token.split())}\n" if token else ""
        payload = hashlib.sha256(body).hexdigest()
        canonical = f"{self._fixed}{amz_date}\n{token_line}x-amz-target:{target}\n\n{names}\n{payload}"
        day = amz_date[:8]
        scope = f"{day}/{self._scope_tail}"
        text = f"AWS4-HMAC-SHA256\n{amz_date}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        signature = hmac.digest(self._signing_key(credentials.secret_key, day), text.encode(), "sha256").hex()
        return (
            f"AWS4-HMAC-SHA256 Credential={credentials.access_key}/{scope}, "
            f"SignedHeaders={names}, Signature={signature}"
        )

    def _signing_key(self, secret: str, day: str) -> bytes:
        kept_secret, kept_day, key = self._key
        if kept_secret != secret or kept_day != day:
            key = f"AWS4{secret}".encode()
            for part in (day, self._region, self._service, "aws4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            self._key = (secret, day, key)
        return key


class _Answer:
    """One response while httptools reads it."""

    __slots__ = ("chunks", "complete", "keep", "parser")

    def __init__(self) -> None:
        self.chunks: list[bytes] = []
        self.complete = False
        self.keep = False
        self.parser = httptools.HttpResponseParser(self)

    def on_body(self, chunk: bytes) -> None:
        self.chunks.append(chunk)

    def on_message_complete(self) -> None:
        self.complete = True
        self.keep = self.parser.should_keep_alive()  # llhttp forgets the headers after this

    def ended(self) -> tuple[int, bytes, bool]:
        """Status, body, and whether the connection may be kept; takes the two apart, for they refer to each other."""
        status = self.parser.get_status_code()
        del self.parser
        return status, b"".join(self.chunks), self.keep


class _Connection:
    """One kept connection; any failure ends it."""

    __slots__ = ("_clock", "_poll", "_socket", "_used_seconds", "reused")

    def __init__(self, opened: socket.socket, clock: Clock) -> None:
        self._socket = opened
        self._clock = clock
        self._poll = select.poll()
        self._poll.register(opened, select.POLLIN)
        self._used_seconds = clock.elapsed_seconds()
        self.reused = False

    def is_usable(self) -> bool:
        """Between calls nothing may arrive: a readable socket is the other side's goodbye."""
        return self._clock.elapsed_seconds() - self._used_seconds < IDLE_SECONDS and not self._poll.poll(0)

    def exchange(self, request: bytes, deadline_seconds: float) -> tuple[int, bytes, bool]:
        """Status, body, and whether the connection may be kept."""
        answer = _Answer()
        heard = False
        try:
            self._socket.settimeout(_remaining(deadline_seconds, self._clock))
            self._socket.sendall(request)
            while not answer.complete:
                chunk = self._socket.recv(_CHUNK)
                if not chunk:
                    raise ConnectionResetError("closed by the other side")
                heard = True
                answer.parser.feed_data(chunk)
                if not answer.complete:
                    self._socket.settimeout(_remaining(deadline_seconds, self._clock))
        except TimeoutError as error:
            raise OutcomeUnknown("no answer in time") from error
        except (OSError, httptools.HttpParserError) as error:
            raise (StaleConnection if self.reused and not heard else OutcomeUnknown)(str(error)) from error
        self.reused = True
        self._used_seconds = self._clock.elapsed_seconds()
        return answer.ended()

    def close(self) -> None:
        self._socket.close()


def _remaining(deadline_seconds: float, clock: Clock) -> float:
    left = deadline_seconds - clock.elapsed_seconds()
    if left <= 0:
        raise TimeoutError
    return left


class AwsJson:
    """A client of one service in one Region: ("dynamodb", "DynamoDB_20120810"), ("kms", "TrentService", "1.1")..."""

    def __init__(  # noqa: PLR0913  (each has a default that is right in a Lambda function)
        self,
        service: str,
        target_prefix: str,
        json_version: str = "1.0",
        *,
        endpoint: str | None = None,
        region: str | None = None,
        credentials: Callable[[], Credentials] | None = None,
        clock: Clock | None = None,
    ) -> None:
        region = region or region_from()
        self._address = Address.of(endpoint or endpoint_from(service, region))
        self._target_prefix = target_prefix
        self._content_type = f"application/x-amz-json-{json_version}"
        self._signer = Signer(service, region, self._address.host, self._content_type)
        # CloudTrail shows it beside each call; outside of Lambda there is no function.
        self._agent = f"tollgate/{os.environ.get('AWS_LAMBDA_FUNCTION_NAME', '-')}"
        self._credentials = credentials or credentials_source()
        self._clock = clock or SystemClock()
        self._idle: deque[_Connection] = deque()
        self._tls: ssl.SSLContext | None = None

    def call(self, operation: str, body: Json, timeout_seconds: float, *, repeatable: bool = False) -> Json:
        """The parsed answer to one attempt; a stale connection is replaced once if the operation is repeatable.

        Raises AwsError (it answered), OutcomeUnknown (it did not) or Unreachable (it was not asked).
        """
        request = self._render(operation, orjson.dumps(body, default=_base64))
        deadline_seconds = self._clock.elapsed_seconds() + timeout_seconds
        try:
            status, answer = self._exchange(request, deadline_seconds)
        except StaleConnection:
            if not repeatable:
                raise
            self.close()
            status, answer = self._exchange(request, deadline_seconds)
        return _parsed(status, answer)

    def close(self) -> None:
        """Close the idle connections; the next call opens a new one."""
        while self._idle:
            self._idle.pop().close()

    def _exchange(self, request: bytes, deadline_seconds: float) -> tuple[int, bytes]:
        connection = self._kept() or self._opened(deadline_seconds)
        keep = False
        try:
            status, answer, keep = connection.exchange(request, deadline_seconds)
        finally:
            if keep:
                self._idle.append(connection)
            else:
                connection.close()
        return status, answer

    def _kept(self) -> _Connection | None:
        """The connection used last, since that is the one most likely to live."""
        while True:
            try:
                connection = self._idle.pop()
            except IndexError:
                return None
            if connection.is_usable():
                return connection
            connection.close()

    def _opened(self, deadline_seconds: float) -> _Connection:
        where = self._address
        try:
            patience = min(CONNECT_SECONDS, _remaining(deadline_seconds, self._clock))
            opened = socket.create_connection((where.hostname, where.port), patience)
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if where.tls:
                opened = self._tls_context().wrap_socket(opened, server_hostname=where.hostname)
        except OSError as error:  # the request has not been sent, whatever went wrong
            raise Unreachable(f"{where.host}: {error}") from error
        return _Connection(opened, self._clock)

    def _tls_context(self) -> "ssl.SSLContext":
        if self._tls is None:
            import ssl  # noqa: PLC0415  (not needed against a local engine)

            self._tls = ssl.create_default_context(cafile=os.environ.get("AWS_CA_BUNDLE") or None)
        return self._tls

    def _render(self, operation: str, body: bytes) -> bytes:
        """Head and body in one buffer: two writes would wait 40 ms for each other."""
        target = f"{self._target_prefix}.{operation}"
        amz_date = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(self._clock.now_at() // SECOND_MS))
        credentials = self._credentials()
        token = f"X-Amz-Security-Token: {credentials.token}\r\n" if credentials.token else ""
        head = (
            f"POST / HTTP/1.1\r\nHost: {self._address.host}\r\nContent-Type: {self._content_type}\r\n"
            f"X-Amz-Target: {target}\r\nX-Amz-Date: {amz_date}\r\n{token}"
            f"User-Agent: {self._agent}\r\n"
            f"Authorization: {self._signer.authorization(target, body, amz_date, credentials)}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode("latin-1") + body


def _base64(value: object) -> str:
    if isinstance(value, bytes):
        return b64encode(value).decode()
    raise TypeError(f"not JSON: {type(value).__name__}")


def _parsed(status: int, answer: bytes) -> Json:
    try:
        body = orjson.loads(answer) if answer else {}
    except orjson.JSONDecodeError as error:
        if status == _OK:
            raise OutcomeUnknown("the answer cannot be read") from error
        body = {}
    if status == _OK:
        return body
    fields = body if isinstance(body, dict) else {}
    raise AwsError(str(fields.get("__type", "")).rpartition("#")[2], status, fields)
