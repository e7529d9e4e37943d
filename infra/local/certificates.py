"""The local certificate authority, made once, and the server's certificate for this machine's own names."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import trustme

from infra.files import PUBLIC_MODE, SECRET_MODE, replace_file, turn

NAMES: Final = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Certificates:
    """Where they are; the two keys are readable by their owner only."""

    ca: Path
    server: Path
    server_key: Path


def ensure_certificates(folder: Path) -> Certificates:
    """Make what is missing; an existing authority is kept, so that whoever trusts it may go on doing so."""
    found = Certificates(folder / "ca.pem", folder / "server.pem", folder / "server.key")
    with turn(folder / ".certificates.lock"):  # two stacks may start at once and share the authority
        authority = _authority(found, folder / "ca.key")
        if not (found.server.exists() and found.server_key.exists()):
            _issue(authority, found)
    return found


def _authority(found: Certificates, key: Path) -> trustme.CA:
    if found.ca.exists() and key.exists():
        return trustme.CA.from_pem(found.ca.read_bytes(), key.read_bytes())
    found.server.unlink(missing_ok=True)  # it was issued by another
    authority = trustme.CA(organization_name="Tollgate, this machine only")
    replace_file(key, authority.private_key_pem.bytes(), SECRET_MODE)
    replace_file(found.ca, authority.cert_pem.bytes(), PUBLIC_MODE)
    return authority


def _issue(authority: trustme.CA, found: Certificates) -> None:
    issued = authority.issue_cert(*NAMES)
    chain = b"".join(blob.bytes() for blob in issued.cert_chain_pems)
    replace_file(found.server_key, issued.private_key_pem.bytes(), SECRET_MODE)
    replace_file(found.server, chain, PUBLIC_MODE)
