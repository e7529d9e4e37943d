"""The stage: a deployment of exactly the API that is defined, its throttles, its log, and its usage plans."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from infra.deploy import compare
from infra.deploy.api_definition import ApiDefinition, Row
from infra.deploy.api_found import find_api, pages

FILE: Final = Path(__file__).parent.parent / "stages.yaml"
_ALL: Final = "*/*"
_SETTINGS: Final = {
    "throttlingRateLimit": "throttling/rateLimit",
    "throttlingBurstLimit": "throttling/burstLimit",
    "metricsEnabled": "metrics/enabled",
}
"""Members of a method's settings, and the paths by which they are changed."""


def read_stage(stage: str, file: Path = FILE) -> Row:
    """Return a stage of stages.yaml; KeyError for one that it does not have."""
    stages: dict[str, Row] = yaml.safe_load(file.read_text())["stages"]
    return stages[stage]


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
            "settings": settings,
            "access log": {"destinationArn": self.log_group_arn, "format": _one_line(self.settings["access_log"])},
        }

    def _found(self, api_id: str) -> Row | None:
        row = _stage(self.apigateway, api_id, self.stage)
        if row is None:
            return None
        deployment = self.apigateway.get_deployment(restApiId=api_id, deploymentId=row["deploymentId"])
        settings = {_label(key): _read_setting(one) for key, one in row.get("methodSettings", {}).items()}
        log = row.get("accessLogSettings", {})
        return {
            "definition": deployment.get("description", ""),
            "settings": settings,
            "access log": {name: log.get(name, "") for name in ("destinationArn", "format")},
        }

    def apply(self) -> None:
        """Deploy what is defined, unless that is served already, and make the settings equal."""
        api_id = find_api(self.apigateway, self.api.name)
        assert api_id is not None  # the step before has made it
        found, wanted = self._found(api_id), self._wanted()
        if found is None or found["definition"] != wanted["definition"]:
            self.apigateway.create_deployment(restApiId=api_id, stageName=self.stage, description=wanted["definition"])
            found = self._found(api_id)
            assert found is not None
        changes = [*_setting_changes(wanted["settings"], found["settings"]), *_log_changes(wanted, found)]
        if changes:
            self.apigateway.update_stage(restApiId=api_id, stageName=self.stage, patchOperations=changes)

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
    name: str = field(default="usage plans", init=False)

    def differences(self) -> list[str]:
        """Compare limits and quotas with the definitions."""
        api_id = find_api(self.apigateway, self.api_name) or ""
        found = {name: _plan_found(row) for name, row in self._rows().items()}
        return list(compare.differences(self._wanted(api_id), found, "usage plans"))

    def _wanted(self, api_id: str) -> dict[str, Row]:
        return {f"{self.api_name}-{name}": _plan_wanted(row, api_id, self.stage) for name, row in self.plans.items()}

    def _rows(self) -> dict[str, Row]:
        mine = f"{self.api_name}-"
        return {row["name"]: row for row in pages(self.apigateway.get_usage_plans) if row["name"].startswith(mine)}

    def apply(self) -> None:
        """Make each plan equal. One that the definitions have lost is kept while it has keys: clients are under it."""
        api_id = find_api(self.apigateway, self.api_name) or ""
        rows = self._rows()
        for name, wanted in self._wanted(api_id).items():
            if name not in rows:
                self._create(name, wanted)
            elif _plan_found(rows[name]) != wanted:
                changes = _plan_changes(wanted, _plan_found(rows[name]))
                self.apigateway.update_usage_plan(usagePlanId=rows[name]["id"], patchOperations=changes)

    def _create(self, name: str, wanted: Row) -> None:
        (stage,) = wanted["stages"]
        api_id, _, stage_name = stage.partition(":")
        stages = [{"apiId": api_id, "stage": stage_name, "throttle": wanted["methods"]}]
        given = {part: wanted[part] for part in ("throttle", "quota") if wanted[part]}
        self.apigateway.create_usage_plan(name=name, apiStages=stages, **given)

    def destroy(self) -> list[str]:
        """Delete the plans with the keys under them: a key without its plan opens nothing."""
        gone = []
        for name, row in self._rows().items():
            for key in list(pages(self.apigateway.get_usage_plan_keys, usagePlanId=row["id"])):
                self.apigateway.delete_api_key(apiKey=key["id"])
            for stage in row.get("apiStages", ()):
                change = {"op": "remove", "path": "/apiStages", "value": f"{stage['apiId']}:{stage['stage']}"}
                self.apigateway.update_usage_plan(usagePlanId=row["id"], patchOperations=[change])
            self.apigateway.delete_usage_plan(usagePlanId=row["id"])
            gone.append(f"the usage plan {name} and its API keys")
        return gone


# --- stages -------------------------------------------------------------------------------------------------


def _stage(apigateway: Any, api_id: str, stage: str) -> Row | None:
    rows: list[Row] = apigateway.get_stages(restApiId=api_id)["item"]
    return next((row for row in rows if row["stageName"] == stage), None)


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
    """A method's settings without what nobody has set: API Gateway writes -1 for no throttle."""
    kept = {name: row[name] for name in _SETTINGS if name in row and row[name] not in (-1, -1.0)}
    return {name: value for name, value in kept.items() if name != "metricsEnabled" or value}


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
        changes += [
            {"op": "replace", "path": f"{_setting_path(label)}/{_SETTINGS[name]}", "value": _text(value)}
            for name, value in row.items()
            if found.get(label, {}).get(name) != value
        ]
    return changes


def _log_changes(wanted: Row, found: Row) -> list[Row]:
    return [
        {"op": "replace", "path": f"/accessLogSettings/{name}", "value": value}
        for name, value in wanted["access log"].items()
        if found["access log"][name] != value
    ]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


# --- usage plans --------------------------------------------------------------------------------------------


def _plan_wanted(row: Row, api_id: str, stage: str) -> Row:
    methods = {_plan_label(label): _limits(one) for label, one in row.get("methods", {}).items()}
    return {
        "throttle": _limits(row.get("throttle") or {}),
        "quota": row.get("quota") or {},
        "stages": [f"{api_id}:{stage}"],
        "methods": methods,
    }


def _plan_found(row: Row) -> Row:
    stages = row.get("apiStages", [])
    throttle, quota = row.get("throttle", {}), row.get("quota", {})
    return {
        "throttle": {"rateLimit": float(throttle["rateLimit"]), "burstLimit": throttle["burstLimit"]}
        if throttle
        else {},
        "quota": {"limit": quota["limit"], "period": quota["period"], "offset": quota.get("offset", 0)}
        if quota
        else {},
        "stages": [f"{one['apiId']}:{one['stage']}" for one in stages],
        "methods": {label: limits for one in stages for label, limits in one.get("throttle", {}).items()},
    }


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
            {"op": "replace", "path": f"/{part}/{name}", "value": _text(value)} for name, value in wanted[part].items()
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
            changes += [{"op": "replace", "path": f"{place}/{name}", "value": _text(value)} for name, value in limits]
    return changes
