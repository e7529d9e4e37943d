"""What a Lambda authorizer may answer; anything else is a 500."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import orjson

from emulator.gateway.context import Permit
from emulator.gateway.policy import BadPolicy, Policy, read_policy


class BadAnswer(Exception):
    """The reason, for the terminal: who waits for the request learns nothing of it."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """Who it is, and the policy that decides about each of his requests."""

    permit: Permit
    policy: Policy


def read_ruling(payload: bytes) -> Ruling:
    """Source: api-gateway-lambda-authorizer-output. Raises BadAnswer."""
    try:
        answer = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise BadAnswer("the answer is no JSON") from error
    if not isinstance(answer, dict):
        raise BadAnswer("the answer is no object")
    try:
        policy = read_policy(answer.get("policyDocument"))
    except BadPolicy as error:
        raise BadAnswer(str(error)) from error
    principal, usage_key = answer.get("principalId"), answer.get("usageIdentifierKey")
    if not isinstance(principal, str) or not principal:
        raise BadAnswer("principalId is no text")
    if usage_key is not None and not isinstance(usage_key, str):
        raise BadAnswer("usageIdentifierKey is no text")
    return Ruling(Permit(principal, dict(_values(answer.get("context"))), usage_key or ""), policy)


def _values(context: object) -> Iterator[tuple[str, str]]:
    """Text, numbers and truth values; no object, list or null. "The returned values are all stringified"."""
    if context is None:
        return
    if not isinstance(context, Mapping):
        raise BadAnswer("context is no object")
    for name, value in context.items():
        if isinstance(value, str):
            yield name, value
        elif isinstance(value, (bool, int, float)):
            yield name, orjson.dumps(value).decode("ascii")
        else:
            raise BadAnswer(f"context.{name} is neither text, number nor truth value")


def error_message(payload: bytes) -> str:
    """What the function raised, of the error document that Lambda gives for it."""
    try:
        document = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return ""
    message = document.get("errorMessage") if isinstance(document, dict) else None
    return message if isinstance(message, str) else ""
