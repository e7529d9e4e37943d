"""Signatures against the libraries that are too slow to load in a function."""

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.tokens.jose import raw_signature

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


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
