"""Reads stages.yaml: what OpenAPI cannot hold - throttles, usage plans, the access log's format."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast, get_args

from emulator.definition import Api, Period, Plan, Quota, Stage, Throttle
from emulator.yaml_source import DefinitionError, Node, read_yaml

# AWS's limits for `timeoutInMillis`, used for the default as well.
SHORTEST_TIMEOUT_MS = 50
LONGEST_TIMEOUT_MS = 29_000
# The common log format of the AWS console, for a stage that names none.
DEFAULT_ACCESS_LOG = (
    '{"requestId":"$context.requestId","ip":"$context.identity.sourceIp","requestTime":"$context.requestTime",'
    '"httpMethod":"$context.httpMethod","resourcePath":"$context.resourcePath","status":"$context.status",'
    '"responseLength":"$context.responseLength"}'
)


# Source: API Gateway developer guide, "Stage variables": names and values.
VARIABLE_NAME = re.compile(r"[A-Za-z0-9_]+")
VARIABLE_VALUE = re.compile(r"[A-Za-z0-9\-._~:/?#&=,]+")
READABLE_LOG = (
    "$context.requestTime $context.httpMethod $context.path $context.status $context.responseLatency ms "
    "(function $context.integration.latency ms) $context.error.responseType $context.error.message"
)
# Source: Amazon API Gateway quotas, "throttle quota per account, per Region".
ACCOUNT_THROTTLE = Throttle(rate=10_000, burst=5_000)


def _throttle(node: Node | None) -> Throttle | None:
    if node is None:
        return None
    node.only("rate", "burst")
    return Throttle(rate=node.entry("rate").number(), burst=node.entry("burst").integer())


def _per_method(node: Node | None) -> Iterator[tuple[str, Node]]:
    for label, child in node.entries() if node else ():
        verb, _, resource = label.partition(" ")
        if not verb.isupper() or not resource.startswith("/"):
            child.fail('a method is written "VERB /resource"')
        yield label, child


def _throttles(node: Node | None) -> Mapping[str, Throttle]:
    """The methods' own throttles; a method may be there for another setting alone."""
    return {
        label: Throttle(child.entry("rate").number(), child.entry("burst").integer())
        for label, child in _per_method(node)
        if child.optional("rate") or child.optional("burst")
    }


def _metrics(node: Node | None) -> Mapping[str, bool]:
    given = ((label, child.optional("metrics")) for label, child in _per_method(node))
    return {label: wanted.boolean() for label, wanted in given if wanted}


def _only(node: Node | None, *known: str) -> Node | None:
    """The methods, after a look at what each of them sets."""
    for _, child in _per_method(node):
        child.only(*known)
    return node


def _quota(node: Node | None) -> Quota | None:
    if node is None:
        return None
    node.only("limit", "period", "offset")
    period = node.entry("period").text()
    if period not in get_args(Period):
        node.fail(f"period {period!r} is not one of {', '.join(get_args(Period))}")
    offset = node.optional("offset")
    return Quota(node.entry("limit").integer(), cast("Period", period), offset.integer() if offset else 0)


def _plan(name: str, node: Node) -> Plan:
    node.only("throttle", "quota", "methods")
    return Plan(
        name,
        _throttle(node.optional("throttle")),
        _quota(node.optional("quota")),
        _throttles(_only(node.optional("methods"), "rate", "burst")),
    )


def integration_timeout(node: Node | None, default: int) -> int:
    if node is None:
        return default
    value = node.integer()
    if not SHORTEST_TIMEOUT_MS <= value <= LONGEST_TIMEOUT_MS:
        node.fail(f"{value} ms is outside {SHORTEST_TIMEOUT_MS} to {LONGEST_TIMEOUT_MS}")
    return value


def _stage(name: str, node: Node) -> Stage:
    node.only("throttle", "methods", "access_log", "integration_timeout_default_ms", "variables", "metrics")
    access_log, metrics = node.optional("access_log"), node.optional("metrics")
    methods = _only(node.optional("methods"), "rate", "burst", "metrics")
    return Stage(
        name=name,
        throttle=_throttle(node.optional("throttle")),
        methods=_throttles(methods),
        access_log=" ".join((access_log.text() if access_log else DEFAULT_ACCESS_LOG).split("\n")).strip(),
        integration_timeout_ms=integration_timeout(node.optional("integration_timeout_default_ms"), LONGEST_TIMEOUT_MS),
        variables=_variables(node.optional("variables")),
        metrics=metrics.boolean() if metrics else False,
        method_metrics=_metrics(methods),
    )


def _variables(node: Node | None) -> Mapping[str, str]:
    variables = node.texts() if node else {}
    for name, value in variables.items():
        if node and not (VARIABLE_NAME.fullmatch(name) and VARIABLE_VALUE.fullmatch(value)):
            node.entry(name).fail(
                "a stage variable has a name of letters, digits, _, and a value of these and -.~:/?#&=,"
            )
    return variables


def bare_stage(name: str, *, json_log: bool) -> Stage:
    """The stage of a definition that nothing stands beside: no limits of its own, and a log for readers."""
    log = DEFAULT_ACCESS_LOG if json_log else READABLE_LOG
    return Stage(name, None, {}, log, LONGEST_TIMEOUT_MS)


def check_labels(path: Path, api: Api, stage: Stage, plans: Mapping[str, Plan]) -> None:
    """A limit for a method that does not exist is a limit somewhere missing. Raises DefinitionError."""
    known = {method.label for method in api.methods}
    named = [(plan.name, label) for plan in plans.values() for label in plan.methods]
    named += [(stage.name, label) for label in (*stage.methods, *stage.method_metrics)]
    for holder, label in named:
        if label not in known:
            raise DefinitionError(f"{path}: {holder}: methods: the API has no {label!r}")


def definition_variables(stage: Stage) -> dict[str, str]:
    """What `${stageVariables.x}` is in a definition: functions, authorizers and services may be named by the stage."""
    return {f"stageVariables.{name}": value for name, value in stage.variables.items()}


def read_stages(
    path: Path, stage: str, variables: Mapping[str, str]
) -> tuple[Stage, Mapping[str, Plan], Throttle | None]:
    """The named stage, all usage plans, and the account's throttle. Raises DefinitionError."""
    top = read_yaml(path, variables)
    top.only("stages", "usage_plans", "account")
    stages = top.entry("stages")
    if stage not in stages.mapping():
        stages.fail(f"there is no stage {stage!r}")
    plans = top.optional("usage_plans")
    return (
        _stage(stage, stages.entry(stage)),
        {name: _plan(name, child) for name, child in plans.entries()} if plans else {},
        _throttle(top.optional("account")),
    )
