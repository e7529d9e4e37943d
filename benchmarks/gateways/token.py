"""What all gateways are asked with: one RS256 token, and the issuer whose key verifies it."""

import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from infra.local.certificates import Certificates, ensure_certificates

AUDIENCE: Final = "echo"
SCOPE: Final = "echo:write"
LIFE_SECONDS: Final = 3_600
_WELL_KNOWN: Final = "/.well-known/"


@dataclass(frozen=True, slots=True)
class Issuer:
    """An issuer's key, its documents, and where they are served."""

    url: str
    key: rsa.RSAPrivateKey
    jwks: str
    ca: Path

    @property
    def public_pem(self) -> str:
        """The key as programs take it that read no JWKS."""
        return self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def token(self, number: int = 0, **changes: Any) -> str:
        """A token that is good for an hour; another number makes it another one."""
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "bench",
            "jti": f"bench-{number}",
            "scope": SCOPE,
            "iat": now,
            "exp": now + LIFE_SECONDS,
        } | changes
        return jwt.encode(claims, self.key, "RS256", headers={"kid": "bench", "typ": "at+jwt"})


@contextmanager
def issuing(folder: Path) -> Iterator[Issuer]:
    """Serve an issuer's two documents over TLS on the loopback interface, on a port of the kernel's choice."""
    certificates = ensure_certificates(folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.socket = _tls(certificates).wrap_socket(server.socket, server_side=True)
    issuer = _issuer(f"https://localhost:{server.server_port}", certificates.ca)
    metadata = {"issuer": issuer.url, "jwks_uri": f"{issuer.url}{_WELL_KNOWN}jwks.json"}
    documents = {"openid-configuration": json.dumps(metadata), "jwks.json": issuer.jwks}
    _Handler.documents = {_WELL_KNOWN + name: text.encode() for name, text in documents.items()}
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _tls(certificates: Certificates) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.server, certificates.server_key)
    return context


def _issuer(url: str, ca: Path) -> Issuer:
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()))
    jwks = {"keys": [{**public, "kid": "bench", "use": "sig", "alg": "RS256"}]}
    return Issuer(url, key, json.dumps(jwks), ca)


class _Handler(BaseHTTPRequestHandler):
    documents: dict[str, bytes]

    def do_GET(self) -> None:
        document = self.documents.get(self.path)
        self.send_response(200 if document else 404)
        self.send_header("Content-Length", str(len(document or b"")))
        self.end_headers()
        self.wfile.write(document or b"")

    def log_message(self, *_: object) -> None:
        """Say nothing."""
