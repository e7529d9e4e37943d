"""What the function works with, chosen from its environment."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from chalicelib.kernel.clock import SystemClock
from chalicelib.keys.aws import BucketDocument, KmsKeyring
from chalicelib.keys.document import Document, FolderDocument
from chalicelib.keys.rotation import Rotation
from chalicelib.settings import KeySettings

_DAY_SECONDS = 86_400


def open_rotation(settings: KeySettings) -> Rotation:
    """Open the rotation; nothing is called yet."""
    return Rotation(
        KmsKeyring(settings.signing_key_id),
        document_at(settings.issuer_documents),
        SystemClock(),
        settings.rotate_after_days * _DAY_SECONDS,
    )


def document_at(url: str) -> Document:
    """Return the document in the bucket or the folder that a URL names."""
    parts = urlsplit(url)
    return BucketDocument(parts.netloc) if parts.scheme == "s3" else FolderDocument(Path(unquote(parts.path)))
