"""Thumbprints, keys and signatures against the libraries that are too slow to load in a function."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey

from chalicelib.tokens.jose import public_jwk, raw_signature, thumbprint

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def _der(curve: ec.EllipticCurve) -> bytes:
    key = ec.generate_private_key(curve).public_key()
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def test_o13_the_jwk_is_public_and_named_by_its_thumbprint() -> None:
    der = _der(ec.SECP256R1())
    jwk = public_jwk(der)
    known = ECKey.import_key(der)
    assert jwk["kid"] == thumbprint(jwk) == known.thumbprint()
    assert all(jwk[name] == value for name, value in known.as_dict(private=False).items())
    assert jwk.keys() == {"kty", "crv", "x", "y", "kid", "use", "alg"}
    assert (jwk["use"], jwk["alg"]) == ("sig", "ES256")


@pytest.mark.parametrize("curve", [ec.SECP384R1(), ec.SECP256K1()])
def test_another_curve_is_refused(curve: ec.EllipticCurve) -> None:
    with pytest.raises(ValueError, match="P-256"):
        public_jwk(_der(curve))


@given(st.integers(1, ORDER - 1), st.integers(1, ORDER - 1))
def test_a_signature_of_any_length_becomes_64_bytes(r: int, s: int) -> None:
    raw = raw_signature(encode_dss_signature(r, s))
    assert len(raw) == 64
    assert (int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")) == (r, s)


@given(st.binary(max_size=80))
def test_whatever_is_no_signature_is_refused(noise: bytes) -> None:
    try:
        raw = raw_signature(noise)
    except ValueError:
        return
    assert decode_dss_signature(noise) == (int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))


@pytest.mark.parametrize(
    "der",
    [
        b"",
        b"\x30\x00",
        bytes.fromhex("3006020101020101") + b"\0",
        bytes.fromhex("3006020181020101"),
        bytes.fromhex("3005020101020101"),
        bytes.fromhex("30080201010201010201"),
        b"\x30\x26\x02\x21" + b"\x01" * 33 + b"\x02\x01\x01",
    ],
)
def test_broken_der_is_refused(der: bytes) -> None:
    with pytest.raises(ValueError, match=r"not a|follows"):
        raw_signature(der)
