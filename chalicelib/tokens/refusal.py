"""What the token endpoint refuses, in the words of RFC 6749, section 5.2."""

from collections.abc import Mapping
from typing import Final

STATUSES: Final[Mapping[str, int]] = {
    "invalid_request": 400,
    "invalid_client": 401,
    "unauthorized_client": 400,
    "unsupported_grant_type": 400,
    "invalid_scope": 400,
}


class TokenRefusal(Exception):
    """A refusal; `description` is for the developer on the other side and never tells who is registered."""

    def __init__(self, error: str, description: str, *, retry_after_seconds: int | None = None) -> None:
        """Take one of the five errors; a refusal that comes too often also says when to come back."""
        assert error in STATUSES, f"{error} is not an error of RFC 6749"
        super().__init__(error)
        self.error = error
        self.description = description
        self.retry_after_seconds = retry_after_seconds

    @property
    def status(self) -> int:
        """The HTTP status; too many failures are 429 whatever the error."""
        return STATUSES[self.error] if self.retry_after_seconds is None else 429


def invalid_request(description: str) -> TokenRefusal:
    """Return the refusal of a request that no client library would send."""
    return TokenRefusal("invalid_request", description)


def invalid_client() -> TokenRefusal:
    """Return the one refusal for unknown clients, wrong secrets and revoked clients: nobody learns which."""
    return TokenRefusal("invalid_client", "The client is not known, or its secret is wrong.")
