"""The stage: a deployment of exactly the API that is defined, its throttles, its log, and its usage plans."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import ClientError

from infra.deploy import compare
from infra.deploy.api_definition import ApiDefinition, Row
from infra.deploy.api_found import by_name, find_api, pages
from infra.deploy.api_step import patch_text
from infra.deploy.fault import DeployFault

FILE: Final = Path(__file__).parent.parent / "stages.yaml"
_ALL: Final = "*/*"
_SETTINGS: Final = {
    "throttlingRateLimit": ("throttling/rateLimit", "-1"),
    "throttlingBurstLimit": ("throttling/burstLimit", "-1"),
    "metricsEnabled": ("metrics/enabled", "false"),
    "loggingLevel": ("logging/loglevel", "OFF"),
    "dataTraceEnabled": ("logging/dataTrace", "false"),
    "cachingEnabled": ("caching/enabled", "false"),
}
"""Members of a method's settings, the paths by which they are changed, and the values that turn them off."""

_UNLIMITED: Final = -1


@dataclass(slots=True)
class StageStep:
    """A stage of the API; what it serves is named by the digest in its deployment's description."""

    apigateway: Any
    api: ApiDefinition
    stage: str
    settings: Row
    log_group_arn: str
    name: str = field(default="stage", init=False)

    def differences(self) -> list[str]:
        """Compare what is served, its throttles and its log with the definitions."""
        api_id = find_api(self.apigateway, self.api.name)
        found = self._found(api_id) if api_id else None
        if found is None:
            return [f"the stage {self.stage} is missing"]
        return list(compare.differences(self._wanted(), found, f"stage {self.stage}"))

    def _wanted(self) -> Row:
        settings = {_ALL: _method_setting(self.settings, self.settings.get("metrics", False))}
        for label, row in self.settings.get("methods", {}).items():
            settings[label] = _method_setting({"throttle": row}, row.get("metrics"))
        return {
            "definition": self.api.digest(),
            "guards": {},
            "settings": settings,
            "access log": {"destinationArn": self.log_group_arn, "format": _one_line(self.settings["access_log"])},
            "variables": {},
            "canary": {},
            "cache": False,
            "tracing": False,
            "other stages": [],
        }

    def _found(self, api_id: str) -> Row | None:
        rows = {row["stageName"]: row for row in self.apigateway.get_stages(restApiId=api_id)["item"]}
        row = rows.pop(self.stage, None)
        if row is None:
            return None
        served = self.apigateway.get_deployment(
            restApiId=api_id, deploymentId=row["deploymentId"], embed=["apisummary"]
        )
        log = row.get("accessLogSettings", {})
        return {
            "definition": served.get("description", ""),
            "guards": dict(self._unguarded(served)),
            "settings": {_label(key): _read_setting(one) for key, one in row.get("methodSettings", {}).items()},
            "access log": {name: log.get(name, "") for name in ("destinationArn", "format")},
            "variables": row.get("variables", {}),
            "canary": row.get("canarySettings", {}),
            "cache": row.get("cacheClusterEnabled", False),
            "tracing": row.get("tracingEnabled", False),
            "other stages": sorted(rows),
        }

    def _unguarded(self, served: Row) -> Iterator[tuple[str, str]]:
        """Methods that are served with other guards than theirs: a description may be written on any deployment."""
        for path, verbs in served.get("apiSummary", {}).items():
            for verb, row in verbs.items():
                method = self.api.methods.get(f"{verb} {path}")
                if method is None:
                    yield f"{verb} {path}", "served, and nowhere defined"
                elif (row.get("authorizationType", "NONE") == "NONE") != (method["authorizationType"] == "NONE"):
                    yield f"{verb} {path}", f"authorization {row.get('authorizationType', 'NONE')}"
                elif row.get("apiKeyRequired", False) != method["apiKeyRequired"]:
                    yield f"{verb} {path}", f"API key required {row.get('apiKeyRequired', False)}"

    def apply(self) -> None:
        """Deploy what is defined, unless that is served already, and make the settings equal."""
        api_id = find_api(self.apigateway, self.api.name)
        assert api_id is not None  # the step before has made it
        found, wanted = self._found(api_id), self._wanted()
        if found is not None and found["canary"]:  # a new deployment would go to the canary
            self._update(api_id, [{"op": "remove", "path": "/canarySettings"}])
        if found is None or any(found[part] != wanted[part] for part in ("definition", "guards")):
            self.apigateway.create_deployment(restApiId=api_id, stageName=self.stage, description=wanted["definition"])
            found = self._found(api_id)
            assert found is not None
        self._update(api_id, [*_setting_changes(wanted["settings"], found["settings"]), *_other_changes(wanted, found)])
        for name in found["other stages"]:
            self.apigateway.delete_stage(restApiId=api_id, stageName=name)

    def _update(self, api_id: str, changes: list[Row]) -> None:
        if not changes:
            return
        try:
            self.apigateway.update_stage(restApiId=api_id, stageName=self.stage, patchOperations=changes)
        except ClientError as error:
            if "CloudWatch Logs role" not in str(error):
                raise
            raise DeployFault(
                "API Gateway may not write logs in this Region yet: give it a role with the policy "
                "AmazonAPIGatewayPushToCloudWatchLogs (aws apigateway update-account --patch-operations "
                "op=replace,path=/cloudwatchRoleArn,value=ROLE), then run this again"
            ) from None

    def destroy(self) -> list[str]:
        """Nothing: the stage goes with its API."""
        return []


@dataclass(slots=True)
class PlansStep:
    """The usage plans of stages.yaml for one stage, named `tollgate-dev-sandbox`: several stages share an account."""

    apigateway: Any
    api_name: str
    stage: str
    plans: Mapping[str, Row]
    clients_stay: bool = False
    name: str = field(default="usage plans", init=False)

    def differences(self) -> list[str]:
        """Compare limits and quotas with the definitions."""
        api_id = self._api_id()
        found = {name: _plan_found(row, f"{api_id}:{self.stage}") for name, row in self._rows(api_id).items()}
        return list(compare.differences(self._wanted(api_id), found, "usage plans"))

    def _api_id(self) -> str:
        return find_api(self.apigateway, self.api_name) or ""

    def _wanted(self, api_id: str) -> dict[str, Row]:
        return {f"{self.api_name}-{name}": _plan_wanted(row, api_id, self.stage) for name, row in self.plans.items()}

    def _rows(self, api_id: str) -> dict[str, Row]:
        """The plans of this stage. One of another API may begin with the same letters, and is none of them."""
        mine, known = f"{self.api_name}-", self._wanted(api_id)
        return {
            name: row
            for name, row in by_name(pages(self.apigateway.get_usage_plans)).items()
            if name in known
            or (name.startswith(mine) and all(one["apiId"] == api_id for one in row.get("apiStages", ())))
        }

    def apply(self) -> None:
        """Make each plan equal. One that the definitions have lost goes, unless it has keys: clients use them."""
        api_id = self._api_id()
        rows, wanted = self._rows(api_id), self._wanted(api_id)
        for name, row in wanted.items():
            found = _plan_found(rows[name], f"{api_id}:{self.stage}") if name in rows else None
            if found is None:
                self._create(name, row)
            elif found != row:
                changes = _plan_changes(row, found)
                self.apigateway.update_usage_plan(usagePlanId=rows[name]["id"], patchOperations=changes)
        for name in rows:
            if name not in wanted:
                self._leave_out(name, rows[name])

    def _leave_out(self, name: str, row: Row) -> None:
        keys = len(list(pages(self.apigateway.get_usage_plan_keys, usagePlanId=row["id"])))
        if keys:
            raise DeployFault(
                f"the usage plan {name} is not in stages.yaml, but {keys} API keys are under it: "
                "put it back there, or move its clients to another plan"
            )
        self._delete(row)

    def _create(self, name: str, wanted: Row) -> None:
        (stage,) = wanted["stages"]
        api_id, _, stage_name = stage.partition(":")
        stages = [{"apiId": api_id, "stage": stage_name, "throttle": wanted["methods"]}]
        given = {part: wanted[part] for part in ("throttle", "quota") if wanted[part]}
        self.apigateway.create_usage_plan(name=name, apiStages=stages, **given)

    def destroy(self) -> list[str]:
        """Delete the plans with the keys under them: a key without its plan opens nothing."""
        gone = []
        for name, row in self._rows(self._api_id()).items():
            keys = list(pages(self.apigateway.get_usage_plan_keys, usagePlanId=row["id"]))
            for key in keys:
                self.apigateway.delete_api_key(apiKey=key["id"])
            self._delete(row)
            said = "; its clients stay, and need new keys" if keys and self.clients_stay else ""
            gone.append(f"the usage plan {name} and its API keys{said}")
        return gone

    def _delete(self, row: Row) -> None:
        for stage in row.get("apiStages", ()):
            change = {"op": "remove", "path": "/apiStages", "value": f"{stage['apiId']}:{stage['stage']}"}
            self.apigateway.update_usage_plan(usagePlanId=row["id"], patchOperations=[change])
        self.apigateway.delete_usage_plan(usagePlanId=row["id"])


# --- stages -------------------------------------------------------------------------------------------------


def _one_line(text: str) -> str:
    return " ".join(text.split("\n")).strip()


def _method_setting(row: Row, metrics: bool | None) -> Row:  # noqa: FBT001 - None is one of its values
    throttle = row.get("throttle") or {}
    limits = {
        "throttlingRateLimit": float(throttle["rate"]) if "rate" in throttle else None,
        "throttlingBurstLimit": throttle.get("burst"),
    }
    # What is off is left out on both sides: API Gateway writes it, or not, as it likes.
    return {name: value for name, value in {**limits, "metricsEnabled": metrics or None}.items() if value is not None}


def _read_setting(row: Row) -> Row:
    """A method's settings without what is off: API Gateway writes -1 for no throttle."""
    return {name: row[name] for name in _SETTINGS if not _is_off(row.get(name))}


def _is_off(value: Any) -> bool:
    """A limit of 0 is not off: it is how an API is closed."""
    return value is None or value is False or value == "OFF" or (value is not True and value == _UNLIMITED)


def _label(key: str) -> str:
    if key == _ALL:
        return key
    path, _, verb = key.rpartition("/")
    return f"{verb} /{path.replace('~1', '/').strip('/')}"


def _setting_path(label: str) -> str:
    if label == _ALL:
        return f"/{_ALL}"
    verb, _, path = label.partition(" ")
    return f"/{path.replace('~', '~0').replace('/', '~1')}/{verb}"


def _setting_changes(wanted: Mapping[str, Row], found: Mapping[str, Row]) -> list[Row]:
    changes = [{"op": "remove", "path": _setting_path(label)} for label in found if label not in wanted]
    for label, row in wanted.items():
        there = found.get(label, {})
        values = {name: _SETTINGS[name][1] for name in there if name not in row}
        values |= {name: patch_text(value) for name, value in row.items() if there.get(name) != value}
        changes += [
            {"op": "replace", "path": f"{_setting_path(label)}/{_SETTINGS[name][0]}", "value": value}
            for name, value in values.items()
        ]
    return changes


def _other_changes(wanted: Row, found: Row) -> Iterator[Row]:
    for name, value in wanted["access log"].items():
        if found["access log"][name] != value:
            yield {"op": "replace", "path": f"/accessLogSettings/{name}", "value": value}
    yield from ({"op": "remove", "path": f"/variables/{name}"} for name in found["variables"])
    for part, path in (("cache", "/cacheClusterEnabled"), ("tracing", "/tracingEnabled")):
        if found[part]:
            yield {"op": "replace", "path": path, "value": "false"}


# --- usage plans --------------------------------------------------------------------------------------------


def _plan_wanted(row: Row, api_id: str, stage: str) -> Row:
    methods = {_plan_label(label): _limits(one) for label, one in row.get("methods", {}).items()}
    return {
        "throttle": _limits(row.get("throttle") or {}),
        "quota": row.get("quota") or {},
        "stages": [f"{api_id}:{stage}"],
        "methods": methods,
    }


def _plan_found(row: Row, own: str) -> Row:
    """A plan as it is; the limits of methods are those of its `own` stage: another one is taken out anyway."""
    stages = {f"{one['apiId']}:{one['stage']}": one for one in row.get("apiStages", [])}
    throttle, quota = row.get("throttle"), row.get("quota")
    limits = stages.get(own, {}).get("throttle", {})
    return {
        "throttle": _read_limits(throttle) if throttle else {},
        "quota": {"limit": quota.get("limit"), "period": quota.get("period"), "offset": quota.get("offset", 0)}
        if quota
        else {},
        "stages": list(stages),
        "methods": {label: _read_limits(one) for label, one in limits.items()},
    }


def _read_limits(row: Row) -> Row:
    return {"rateLimit": float(row.get("rateLimit", 0)), "burstLimit": row.get("burstLimit", 0)}


def _limits(row: Row) -> Row:
    return {"rateLimit": float(row["rate"]), "burstLimit": row["burst"]} if row else {}


def _plan_label(label: str) -> str:
    verb, _, path = label.partition(" ")
    return f"{path}/{verb}"


def _plan_changes(wanted: Row, found: Row) -> list[Row]:
    """Replace what differs, member by member; what is not wanted is removed."""
    changes: list[Row] = []
    for part in ("throttle", "quota"):
        if wanted[part] == found[part]:
            continue
        changes += [
            {"op": "replace", "path": f"/{part}/{name}", "value": patch_text(value)}
            for name, value in wanted[part].items()
        ] or [{"op": "remove", "path": f"/{part}"}]
    for one in [stage for stage in found["stages"] if stage not in wanted["stages"]]:
        changes.append({"op": "remove", "path": "/apiStages", "value": one})
    for one in [stage for stage in wanted["stages"] if stage not in found["stages"]]:
        changes.append({"op": "add", "path": "/apiStages", "value": one})
    return changes + _plan_method_changes(wanted, found)


def _plan_method_changes(wanted: Row, found: Row) -> list[Row]:
    (stage,) = wanted["stages"]
    changes: list[Row] = []
    for label in {**found["methods"], **wanted["methods"]}:
        path, _, verb = label.rpartition("/")
        place = f"/apiStages/{stage}/throttle/{path.replace('~', '~0').replace('/', '~1')}/{verb}"
        if label not in wanted["methods"]:
            changes.append({"op": "remove", "path": place})
        elif found["methods"].get(label) != wanted["methods"][label]:
            limits = wanted["methods"][label].items()
            changes += [
                {"op": "replace", "path": f"{place}/{name}", "value": patch_text(value)} for name, value in limits
            ]
    return changes
