"""The local certificate authority, made once, and the server's certificate for this machine's own names."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import trustme

from infra.files import PUBLIC_MODE, SECRET_MODE, replace_file

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
    key = folder / "ca.key"
    if found.ca.exists() and key.exists():
        authority = trustme.CA.from_pem(found.ca.read_bytes(), key.read_bytes())
    else:
        authority = trustme.CA(organization_name="Tollgate, this machine only")
        replace_file(key, authority.private_key_pem.bytes(), SECRET_MODE)
        replace_file(found.ca, authority.cert_pem.bytes(), PUBLIC_MODE)
        found.server.unlink(missing_ok=True)
    if not (found.server.exists() and found.server_key.exists()):
        issued = authority.issue_cert(*NAMES)
        replace_file(found.server_key, issued.private_key_pem.bytes(), SECRET_MODE)
        chain = b"".join(blob.bytes() for blob in issued.cert_chain_pems)
        replace_file(found.server, chain, PUBLIC_MODE)
    return found
