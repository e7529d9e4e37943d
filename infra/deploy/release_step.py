"""Versions and the alias `live`: what serves is a version, and going back is moving the alias back.

    $LATEST --publish--> version --it answers--> live
                            ^-----rollback-------'

Everything is published and asked before the first alias moves, so a release that does not start serves nobody. An alias
says in its description which release it belongs to, and which version it named before: `release 1f2e, before 3`. All
aliases say so, also those that a release has left where they were: only then can all go back to the release before.
"""

import hashlib
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from botocore.exceptions import ClientError

from infra.deploy.account import Account
from infra.deploy.fault import DeployFault
from infra.deploy.functions_step import missing
from infra.functions import Row

ALIAS: Final = "live"
LATEST: Final = "$LATEST"
_RELEASE: Final = re.compile(r"release (\w+)(?:, before (\d+))?")
_COMPARED: Final = (
    "CodeSha256",
    "Handler",
    "Runtime",
    "MemorySize",
    "Timeout",
    "Environment",
    "Role",
    "Layers",
    "Architectures",
    "VpcConfig",
)
"""What makes a version another one."""

_READY_ATTEMPTS: Final = 60
_DIGEST_LETTERS: Final = 12

NO_RECORDS: Final[Row] = {"Records": []}
_NOBODY: Final = {
    "tenant": "nobody.live",
    "principal": "prn_nobody",
    "role": "owner",
    "client_id": "cl_nobody",
    "scope": "nothing",
    "api_key_id": "nobody",
}
"""A client that no register has: a function reads its settings and its tables to find that out, and refuses it."""

_REQUEST: Final[Row] = {
    "headers": {},
    "multiValueHeaders": {},
    "queryStringParameters": None,
    "multiValueQueryStringParameters": None,
    "pathParameters": None,
    "body": None,
    "isBase64Encoded": False,
    "requestContext": {
        "requestId": "release",
        "stage": "release",
        "identity": {"apiKeyId": "nobody"},
        "authorizer": {"claims": _NOBODY},
    },
}


def _request(verb: str, path: str) -> Row:
    return {"httpMethod": verb, "resource": path, "path": path, **_REQUEST}


PROBES: Final[Mapping[str, Any]] = {
    "accounts": _request("GET", "/v1/health"),
    "payments": _request("GET", "/v1/payments"),
    "refunds": _request("GET", "/v1/refunds"),
    "transfers": _request("GET", "/v1/transfers"),
    "events": _request("GET", "/v1/events"),
    "clocks": _request("GET", "/v1/test_clock"),
    "tokens": _request("POST", "/oauth2/token"),
    "projections": NO_RECORDS,
    "payments_due": {},
    "transfers_due": {},
    "keys": {},
    "verifier": None,
}
"""What a new version is asked before it serves; None is not asked: the verifier reads the whole ledger. A request is
that of nobody, on a route of the function: it may be refused, and not fail. A sweeper does what it would do a minute
later."""


@dataclass(slots=True)
class ReleaseStep:
    """The alias `live` of every function; `functions` maps the names within the stage to the deployed ones.

    Those that are `unasked` are released without being asked.
    """

    account: Account
    functions: Mapping[str, str]
    unasked: frozenset[str] = frozenset()
    name: str = field(default="release", init=False)

    def differences(self) -> list[str]:
        """Compare what serves with what was deployed last."""
        release = self._release()
        return [text for name in self.functions.values() if (text := self._difference(name, release))]

    def _release(self) -> str:
        """A name for what all functions were deployed with last: it is the same again after an interruption."""
        latest = {name: self._settings(name) or {} for name in self.functions.values()}
        compared = {name: {key: row.get(key) for key in _COMPARED} for name, row in latest.items()}
        return hashlib.sha256(json.dumps(compared, sort_keys=True).encode()).hexdigest()[:_DIGEST_LETTERS]

    def _difference(self, name: str, release: str) -> str:
        latest, live = self._settings(name), self._live(name)
        if latest is None:
            return f"{name} is missing"
        if live is None:
            return f"{name} has no alias {ALIAS}"
        version = live["FunctionVersion"]
        serving = self._settings(name, version)
        if serving is None or not _same(serving, latest) or version == LATEST:
            return f"{name}: {ALIAS} is version {version}, which is not what was deployed last"
        if _weights(live):
            return f"{name}: {ALIAS} leads to other versions besides {version}: {_weights(live)}"
        if _of(live)[0] != release:
            return f"{name}: {ALIAS} is version {version}, and does not say that it belongs to the release {release}"
        return ""

    def apply(self) -> None:
        """Publish and ask all that has changed; then move the aliases. DeployFault if a version does not answer."""
        release = self._release()
        changed = {short: name for short, name in self.functions.items() if self._difference(name, release)}
        versions = {name: self._published(name) for name in changed.values()}
        for short, name in changed.items():
            if not self._serves(name, versions[name]):
                self._ask(name, versions[name], None if short in self.unasked else PROBES[short])
        for name, version in versions.items():
            self._move(name, version, release)

    def rollback(self) -> list[str]:
        """Move every alias to the version of the release before; return what was done. It may be called again.

        DeployFault, before anything has moved, if there is none, or not any more.
        """
        lives = {name: live for name in self.functions.values() if (live := self._live(name))}
        newest = self._newest(lives)
        ahead = {name: live for name, live in lives.items() if newest and _of(live)[0] == newest and _of(live)[1]}
        if not ahead:
            raise DeployFault("there is no earlier release to go back to; make deploy goes to the one deployed last")
        for name, live in ahead.items():
            if self._settings(name, _of(live)[1]) is None:
                raise DeployFault(f"{name} has no version {_of(live)[1]} any more: deploy the earlier source instead")
        moved = [self._moved_back(name, live) for name, live in ahead.items()]
        return moved + [_stays(name, live) for name, live in lives.items() if name not in ahead]

    def _newest(self, lives: Mapping[str, Row]) -> str:
        """The release to go back from: one that was cut off is the one that functions were deployed with last."""
        releases = {release for live in lives.values() if (release := _of(live)[0])}
        if self._release() in releases:
            return self._release()
        if len(releases) > 1:
            raise DeployFault("the aliases belong to several releases: finish the last one with make deploy first")
        return next(iter(releases), "")

    def _moved_back(self, name: str, live: Row) -> str:
        release, version = _of(live)
        told = f"back from {release}"
        self._lambda.update_alias(
            FunctionName=name, Name=ALIAS, FunctionVersion=version, Description=told, **_NO_WEIGHTS
        )
        if version == live["FunctionVersion"]:
            return _stays(name, live)
        return f"{name}: {ALIAS} is version {version} again, after {live['FunctionVersion']}"

    def destroy(self) -> list[str]:
        """Nothing: versions and aliases go with their functions."""
        return []

    def _settings(self, name: str, version: str = LATEST) -> Row | None:
        try:
            found: Row = self._lambda.get_function_configuration(FunctionName=name, Qualifier=version)
        except ClientError as error:
            if missing(error):
                return None
            raise
        return found

    def _live(self, name: str) -> Row | None:
        try:
            found: Row = self._lambda.get_alias(FunctionName=name, Name=ALIAS)
        except ClientError as error:
            if missing(error):
                return None
            raise
        return found

    def _published(self, name: str) -> str:
        """Return the version that is what was deployed last: the newest one, if it is that already."""
        self._lambda.get_waiter("function_updated_v2").wait(
            FunctionName=name, WaiterConfig={"Delay": 1, "MaxAttempts": _READY_ATTEMPTS}
        )
        latest = self._settings(name)
        if latest is None:
            raise DeployFault(f"the function {name} has gone while it was deployed: run this again")
        newest = max(self._versions(name), key=lambda row: int(row["Version"]), default=None)
        if newest is not None and _same(newest, latest):
            return str(newest["Version"])
        made = self._lambda.publish_version(FunctionName=name, CodeSha256=latest["CodeSha256"])
        return str(made["Version"])

    def _versions(self, name: str) -> list[Row]:
        rows = self._lambda.get_paginator("list_versions_by_function").paginate(FunctionName=name)
        return [row for answer in rows for row in answer["Versions"] if row["Version"] != LATEST]

    def _ask(self, name: str, version: str, event: Any) -> None:
        if event is None:
            return
        self._lambda.get_waiter("published_version_active").wait(
            FunctionName=name, Qualifier=version, WaiterConfig={"Delay": 1, "MaxAttempts": _READY_ATTEMPTS}
        )
        wrong = self._answered_wrong(name, version, event)
        for seconds in self.account.settling_seconds:
            if not wrong:
                break
            time.sleep(seconds)  # a role that is new may not be allowed everything yet
            wrong = self._answered_wrong(name, version, event)
        if wrong:
            raise DeployFault(
                f"{name}: version {version} does not start, so nothing was released; mend it: {wrong[:500]}"
            )

    def _answered_wrong(self, name: str, version: str, event: Any) -> str:
        """What a version says when it fails; empty if it does not."""
        answer = self._lambda.invoke(FunctionName=name, Qualifier=version, Payload=json.dumps(event).encode())
        said = str(answer["Payload"].read().decode(errors="replace"))
        failed = answer.get("FunctionError") or answer["StatusCode"] != 200 or _failed(said)
        return _in_short(said) if failed else ""

    def _serves(self, name: str, version: str) -> bool:
        live = self._live(name)
        return live is not None and live["FunctionVersion"] == version

    def _move(self, name: str, version: str, release: str) -> None:
        place = {"FunctionName": name, "Name": ALIAS, "FunctionVersion": version}
        live = self._live(name)
        if live is None:
            self._lambda.create_alias(**place, Description=f"release {release}")
            return
        known, before = _of(live)
        if known != release:
            before = live["FunctionVersion"]
        told = f"release {release}, before {before}" if before.isdigit() else f"release {release}"
        self._lambda.update_alias(**place, Description=told, **_NO_WEIGHTS)

    @property
    def _lambda(self) -> Any:
        return self.account.client("lambda")


_NO_WEIGHTS: Final[Row] = {"RoutingConfig": {"AdditionalVersionWeights": {}}}


def _stays(name: str, live: Row) -> str:
    return f"{name}: {ALIAS} stays version {live['FunctionVersion']}"


def _of(live: Row) -> tuple[str, str]:
    """The release that an alias belongs to and the version that it named before; empty for none."""
    found = _RELEASE.fullmatch(live.get("Description", ""))
    return (found[1], found[2] or "") if found else ("", "")


def _weights(live: Row) -> Row:
    weights: Row = (live.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
    return weights


def _same(one: Row, other: Row) -> bool:
    return all(one.get(name) == other.get(name) for name in _COMPARED)


def _failed(said: str) -> bool:
    """Tell whether a function answered a request with 5xx: it starts, and would serve nobody."""
    answer = json.loads(said or "null")
    return isinstance(answer, dict) and int(answer.get("statusCode", 200)) >= 500


def _in_short(said: str) -> str:
    """What went wrong, without the stack."""
    answer = json.loads(said or "null")
    if isinstance(answer, dict) and "errorMessage" in answer:
        return f"{answer.get('errorType', 'error')}: {answer['errorMessage']}"
    return said
