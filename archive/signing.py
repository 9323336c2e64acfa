"""Anonymous signatures of WACZ files: whoever holds the key made them (https://specs.webrecorder.net/wacz-auth/0.1.0/).

ECDSA on P-384 with SHA-256 over the text ``sha256:HEX`` of datapackage.json. Needs ``cryptography`` (the extra ``sign``).
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

_SIZE = 48  # bytes of each of the two numbers of a signature
MEND = "make one with: openssl ecparam -name secp384r1 -genkey -noout -out key.pem"


class SigningError(Exception):
    """A key or signature that cannot be used; the message names it, the reason and the mend."""


def load_key(path: Path) -> EllipticCurvePrivateKey:
    """The private key in a PEM file without a password. Raises SigningError."""
    _, ec, serialization = _cryptography()
    try:
        key: Any = serialization.load_pem_private_key(path.read_bytes(), None)
    except OSError as error:
        raise SigningError(f"{path}: cannot be read ({error.strerror}); {MEND}") from None
    except (ValueError, TypeError):
        raise SigningError(f"{path}: no private key in PEM form without a password; {MEND}") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP384R1):
        raise SigningError(f"{path}: not a key on the curve P-384, which players expect; {MEND}")
    return cast("EllipticCurvePrivateKey", key)


def sign(digest: str, created: str, software: str, key: EllipticCurvePrivateKey) -> dict[str, str]:
    """The ``signedData`` of datapackage-digest.json for the digest ``sha256:HEX``."""
    hashes, ec, serialization = _cryptography()
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature  # noqa: PLC0415

    numbers = decode_dss_signature(key.sign(digest.encode(), ec.ECDSA(hashes.SHA256())))
    raw = b"".join(number.to_bytes(_SIZE, "big") for number in numbers)
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return {
        "hash": digest,
        "created": created,
        "software": software,
        "signature": base64.b64encode(raw).decode(),
        "publicKey": base64.b64encode(public).decode(),
    }


def is_signed(digest: str, signed: dict[str, Any]) -> bool:
    """Whether ``signed`` is a signature of ``digest`` by the key that it names. Raises SigningError without cryptography."""
    hashes, ec, serialization = _cryptography()
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature  # noqa: PLC0415

    try:
        raw = base64.b64decode(signed["signature"], validate=True)
        key = serialization.load_der_public_key(base64.b64decode(signed["publicKey"], validate=True))
        numbers = (int.from_bytes(raw[: len(raw) // 2], "big"), int.from_bytes(raw[len(raw) // 2 :], "big"))
        if not isinstance(key, ec.EllipticCurvePublicKey) or signed["hash"] != digest:
            return False
        key.verify(encode_dss_signature(*numbers), digest.encode(), ec.ECDSA(hashes.SHA256()))
    except (KeyError, TypeError, ValueError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _cryptography() -> tuple[Any, Any, Any]:
    try:
        from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415
    except ImportError:
        raise SigningError("signatures need the package cryptography; pip install 'broadsheet[sign]'") from None
    return hashes, ec, serialization
