"""The IAM policy that a Lambda authorizer answers with: read strictly, decided anew for each request.

| statements that apply | decision |
|---|---|
| a Deny, whatever else there is | deny |
| an Allow and no Deny | allow |
| none | none: an implicit deny |

A statement applies if its action, its resource and all of its conditions do. What is not understood - a condition key,
an operator, a policy variable - makes the whole policy bad: to pass over it could let somebody in.
"""

from __future__ import annotations

import fnmatch
import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

Decision = Literal["allow", "deny", "none"]
Facts = Mapping[str, str]
"""Condition keys in lower case, with their values; a key without a value is not there."""

ACTION = "execute-api:Invoke"
# "The Resource ARN, as shown in the policy statement ..., is currently limited to 512 characters long"
# (api-gateway-lambda-authorizer-output).
RESOURCE_LIMIT = 512

_VERSIONS = ("2012-10-17", "2008-10-17", None)
_ELEMENTS = frozenset({"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"})
_ARN_FIELDS = 6


class BadPolicy(Exception):
    """Not a policy that could be evaluated here; the text names the place."""


@dataclass(frozen=True, slots=True)
class _Names:
    """Patterns of which one must match, or none of them if they are those of NotAction or NotResource."""

    patterns: tuple[re.Pattern[str], ...]
    inverted: bool

    def apply(self, name: str) -> bool:
        return any(pattern.match(name) for pattern in self.patterns) is not self.inverted


@dataclass(frozen=True, slots=True)
class _Condition:
    """One key against its values; `negative` operators hold where no value matches, and where the key is missing."""

    key: str
    matches: tuple[Callable[[str], bool], ...]
    negative: bool

    def holds(self, facts: Facts) -> bool:
        value = facts.get(self.key)
        if value is None:
            return self.negative
        return any(match(value) for match in self.matches) is not self.negative


@dataclass(frozen=True, slots=True)
class _Statement:
    allows: bool
    actions: _Names
    resources: _Names
    conditions: tuple[_Condition, ...]

    def applies(self, resource: str, facts: Facts) -> bool:
        return (
            self.actions.apply(ACTION)
            and self.resources.apply(resource)
            and all(condition.holds(facts) for condition in self.conditions)
        )


@dataclass(frozen=True, slots=True)
class Policy:
    statements: tuple[_Statement, ...]

    def decide(self, resource: str, facts: Facts) -> Decision:
        """Whether the method of this ARN may be invoked."""
        applying = [statement.allows for statement in self.statements if statement.applies(resource, facts)]
        if not applying:
            return "none"
        return "allow" if all(applying) else "deny"


def read_policy(document: object) -> Policy:
    """Raises BadPolicy."""
    if not isinstance(document, dict):
        raise BadPolicy("policyDocument is no object")
    if document.get("Version") not in _VERSIONS:
        raise BadPolicy("policyDocument has a Version that IAM does not know")
    statements = _list(document.get("Statement"))
    if not statements:
        raise BadPolicy("policyDocument has no Statement")
    return Policy(tuple(_statement(statement) for statement in statements))


def _list(value: object) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _statement(statement: object) -> _Statement:
    if not isinstance(statement, dict):
        raise BadPolicy("a statement is no object")
    unknown = statement.keys() - _ELEMENTS
    if unknown:
        raise BadPolicy(f"a statement has {', '.join(sorted(unknown))}, which is not understood here")
    effect = statement.get("Effect")
    if effect not in ("Allow", "Deny"):
        raise BadPolicy("a statement has an Effect other than Allow and Deny")
    return _Statement(
        effect == "Allow",
        _names(statement, "Action", _action),
        _names(statement, "Resource", _resource),
        tuple(_conditions(statement.get("Condition"))),
    )


def _names(statement: Mapping[str, Any], element: str, compiled: Callable[[str], re.Pattern[str]]) -> _Names:
    inverted = f"Not{element}"
    if (element in statement) is (inverted in statement):
        raise BadPolicy(f"a statement needs one of {element} and {inverted}")
    given = statement.get(element, statement.get(inverted))
    # An empty list matches nothing: with it Chalice's AuthResponse(routes=[]) says "not authorized for any URLs".
    names = [] if given == [] and element in statement else _texts(given, element)
    return _Names(tuple(compiled(name) for name in names), inverted in statement)


def _texts(value: object, place: str) -> list[str]:
    texts = _list(value)
    if not texts or not all(isinstance(text, str) and text for text in texts):
        raise BadPolicy(f"{place} is neither text nor a list of texts")
    return texts


def _action(name: str) -> re.Pattern[str]:
    """Actions are the same in any case (IAM JSON policy elements: Action)."""
    return re.compile(_translated(name), re.IGNORECASE)


def _resource(name: str) -> re.Pattern[str]:
    if len(name) > RESOURCE_LIMIT:
        raise BadPolicy(f"a Resource is longer than {RESOURCE_LIMIT} characters")
    if "${" in name:
        raise BadPolicy("a Resource has a policy variable, which is not understood here")
    # "AWS automatically completes the ARN by adding wildcard characters to all missing fields" (elements: Resource).
    missing = _ARN_FIELDS - 1 - name.count(":") if name.startswith("arn:") else 0
    return re.compile(_translated(name + ":*" * missing))


def _translated(name: str) -> str:
    """`*` and `?` of IAM, which knows no `[`; linear, since each part between stars is looked for only once."""
    return fnmatch.translate(name.replace("[", "[[]"))


# --- conditions ---------------------------------------------------------------------------------------------


def _in_network(text: str) -> Callable[[str], bool]:
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        raise BadPolicy(f"{text!r} is no address or range") from error
    return lambda address: ipaddress.ip_address(address) in network


def _equal(text: str) -> Callable[[str], bool]:
    return partial(str.__eq__, text)


def _equal_in_any_case(text: str) -> Callable[[str], bool]:
    folded = text.casefold()
    return lambda value: value.casefold() == folded


def _like(text: str) -> Callable[[str], bool]:
    pattern = re.compile(_translated(text))
    return lambda value: pattern.match(value) is not None


Compile = Callable[[str], Callable[[str], bool]]
_ADDRESS_OPERATORS: Mapping[str, tuple[Compile, bool]] = {
    "IpAddress": (_in_network, False),
    "NotIpAddress": (_in_network, True),
}
_TEXT_OPERATORS: Mapping[str, tuple[Compile, bool]] = {
    "StringEquals": (_equal, False),
    "StringNotEquals": (_equal, True),
    "StringEqualsIgnoreCase": (_equal_in_any_case, False),
    "StringNotEqualsIgnoreCase": (_equal_in_any_case, True),
    "StringLike": (_like, False),
    "StringNotLike": (_like, True),
}
# Condition keys are the same in any case (IAM JSON policy elements: Condition).
_OPERATORS: Mapping[str, Mapping[str, tuple[Compile, bool]]] = {
    "aws:sourceip": _ADDRESS_OPERATORS,
    "aws:useragent": _TEXT_OPERATORS,
    "aws:referer": _TEXT_OPERATORS,
    "aws:securetransport": {"Bool": (_equal_in_any_case, False)},
}


def _conditions(block: object) -> Sequence[_Condition]:
    if block is None:
        return ()
    if not isinstance(block, dict) or not all(isinstance(keys, dict) for keys in block.values()):
        raise BadPolicy("a Condition is no object of operators")
    return [_condition(operator, key, given) for operator, keys in block.items() for key, given in keys.items()]


def _condition(operator: str, key: str, given: object) -> _Condition:
    compiled = _OPERATORS.get(key.lower(), {}).get(operator)
    if compiled is None:
        raise BadPolicy(f"the condition {operator} on {key} is not understood here")
    build, negative = compiled
    values = [("true" if value else "false") if isinstance(value, bool) else value for value in _list(given)]
    return _Condition(key.lower(), tuple(build(text) for text in _texts(values, "Condition")), negative)
