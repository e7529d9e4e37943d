"""The gateway's refusals: every type of gateway response with the status, words and name AWS gives it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """`error_type` is what x-amzn-ErrorType says; a message of None is JSON's null."""

    status: int
    message: str | None
    error_type: str


_INTERNAL = "Internal server error"

# AWS lists the types and statuses; the words are those its endpoints were seen to answer.
KINDS: dict[str, Kind] = {
    "ACCESS_DENIED": Kind(403, "Forbidden", "AccessDeniedException"),
    "API_CONFIGURATION_ERROR": Kind(500, _INTERNAL, "InternalServerErrorException"),
    "AUTHORIZER_CONFIGURATION_ERROR": Kind(500, None, "AuthorizerConfigurationException"),
    "AUTHORIZER_FAILURE": Kind(500, None, "AuthorizerFailureException"),
    "BAD_REQUEST_BODY": Kind(400, "Invalid request body", "BadRequestException"),
    "BAD_REQUEST_PARAMETERS": Kind(400, "Missing required request parameters", "BadRequestException"),
    "DEFAULT_4XX": Kind(400, "Bad Request", "BadRequestException"),
    "DEFAULT_5XX": Kind(500, _INTERNAL, "InternalServerErrorException"),
    "EXPIRED_TOKEN": Kind(403, "The security token included in the request is expired", "ExpiredTokenException"),
    "INTEGRATION_FAILURE": Kind(504, _INTERNAL, "InternalServerErrorException"),
    "INTEGRATION_TIMEOUT": Kind(504, "Endpoint request timed out", "InternalServerErrorException"),
    "INVALID_API_KEY": Kind(403, "Forbidden", "ForbiddenException"),
    "INVALID_SIGNATURE": Kind(403, "The request signature does not match", "InvalidSignatureException"),
    "MISSING_AUTHENTICATION_TOKEN": Kind(403, "Missing Authentication Token", "MissingAuthenticationTokenException"),
    "QUOTA_EXCEEDED": Kind(429, "Limit Exceeded", "LimitExceededException"),
    "REQUEST_TOO_LARGE": Kind(413, "Request Too Long", "RequestTooLongException"),
    "RESOURCE_NOT_FOUND": Kind(404, "Not Found", "NotFoundException"),
    "THROTTLED": Kind(429, "Too Many Requests", "TooManyRequestsException"),
    "UNAUTHORIZED": Kind(401, "Unauthorized", "UnauthorizedException"),
    "UNSUPPORTED_MEDIA_TYPE": Kind(415, "Unsupported Media Type", "BadRequestException"),
    "WAF_FILTERED": Kind(403, "Forbidden", "ForbiddenException"),
}


class Refusal(Exception):
    """The request goes no further; `respond.py` renders it through the definition's gateway responses.

    `status` overrides the type's own default, never the definition's; `detail` is `validationErrorString`.
    """

    def __init__(self, kind: str, message: str | None = None, *, status: int | None = None, detail: str = "") -> None:
        super().__init__(kind)
        self.kind = kind
        self.message = KINDS[kind].message if message is None else message
        self.status = status or KINDS[kind].status
        self.detail = detail
