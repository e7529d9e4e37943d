"""Public keys and thumbprints against the libraries that are too slow to load in a function."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc.jwk import ECKey

from chalicelib.kernel.jwk import public_jwk, thumbprint


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
