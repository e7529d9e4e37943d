"""The local authority is made once and kept; the server's certificate is for this machine's names and made again."""

import ssl
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography import x509

from infra.local.certificates import NAMES, Certificates, ensure_certificates


def _names(certificate: Path) -> set[str]:
    parsed = x509.load_pem_x509_certificate(certificate.read_bytes())
    names = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress))}


def _belong_together(made: Certificates) -> None:
    issued = x509.load_pem_x509_certificate(made.server.read_bytes())
    issued.verify_directly_issued_by(x509.load_pem_x509_certificate(made.ca.read_bytes()))
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(made.server, made.server_key)


def test_the_server_has_this_machines_names(tmp_path: Path) -> None:
    made = ensure_certificates(tmp_path)
    assert _names(made.server) == set(NAMES)
    _belong_together(made)


def test_keys_are_for_their_owner_only(tmp_path: Path) -> None:
    made = ensure_certificates(tmp_path)
    for key in (tmp_path / "ca.key", made.server_key):
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(made.ca.stat().st_mode) == 0o644


def test_what_is_there_is_kept(tmp_path: Path) -> None:
    ensure_certificates(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.glob("*.*")}
    ensure_certificates(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.glob("*.*")} == before


@pytest.mark.parametrize("lost", ["server.pem", "server.key", "ca.key", "ca.pem"])
def test_what_is_lost_is_made_again_and_fits(tmp_path: Path, lost: str) -> None:
    authority = ensure_certificates(tmp_path).ca.read_bytes()
    (tmp_path / lost).unlink()
    made = ensure_certificates(tmp_path)
    _belong_together(made)
    assert (made.ca.read_bytes() == authority) == lost.startswith("server")


def test_two_stacks_that_start_at_once_share_one_authority(tmp_path: Path) -> None:
    start: Callable[[int], Certificates] = lambda _: ensure_certificates(tmp_path)  # noqa: E731
    with ThreadPoolExecutor(8) as stacks:
        for made in stacks.map(start, range(8)):
            _belong_together(made)
