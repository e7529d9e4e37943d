"""The API by single calls: whatever differs from the definition is made anew, and what it does not have is deleted.

Nothing of it is served before the next step puts a stage on it, so it may be half done for a while.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from botocore.exceptions import ClientError

from infra.deploy import compare
from infra.deploy.api_definition import MODELS, REFERENCE, ApiDefinition, Row, referred
from infra.deploy.api_found import FoundApi, find_api, read_found

_ENDPOINT: Final = {"types": ["REGIONAL"]}
_INTEGRATION: Final = (
    "type",
    "uri",
    "passthroughBehavior",
    "timeoutInMillis",
    "requestParameters",
    "requestTemplates",
    "credentials",
    "contentHandling",
)
"""Members of an integration that are given as they are; the others are to be as API Gateway makes them."""


@dataclass(slots=True)
class ShellStep:
    """An API without anything in it, before all else: its id is in the URL that the issuer's documents name."""

    apigateway: Any
    api_name: str
    tags: dict[str, str]
    name: str = field(default="API's id", init=False)

    def differences(self) -> list[str]:
        """Tell whether it is there."""
        return [] if find_api(self.apigateway, self.api_name) else [f"the API {self.api_name} is missing"]

    def apply(self) -> None:
        """Create it; one that is there keeps its id."""
        if find_api(self.apigateway, self.api_name) is None:
            self.apigateway.create_rest_api(name=self.api_name, endpointConfiguration=_ENDPOINT, tags=self.tags)

    def destroy(self) -> list[str]:
        """Delete the API with all it has."""
        api_id = find_api(self.apigateway, self.api_name)
        if api_id is None:
            return []
        self.apigateway.delete_rest_api(restApiId=api_id)
        return [f"the API {self.api_name} ({api_id})"]


@dataclass(slots=True)
class ApiStep:
    """What is in the REST API of a stage, without the stage itself."""

    apigateway: Any
    wanted: ApiDefinition
    name: str = field(default="API", init=False)

    def differences(self) -> list[str]:
        """Compare the whole API with its definition."""
        api_id = find_api(self.apigateway, self.wanted.name)
        if api_id is None:
            return [f"the API {self.wanted.name} is missing, with its {len(self.wanted.methods)} methods"]
        found = read_found(self.apigateway, api_id).definition
        if not found.methods:
            return [f"the API {self.wanted.name} is empty, and should have {len(self.wanted.methods)} methods"]
        return list(compare.differences(self.wanted.tree(), found.tree()))

    def apply(self) -> None:
        """Make it equal: what is too much leaves room first, then come the parts that methods refer to, then methods.

        Parts that no method refers to any more are last: API Gateway deletes none that is in use.
        """
        api_id = find_api(self.apigateway, self.wanted.name)
        assert api_id is not None  # the shell is there before
        found = read_found(self.apigateway, api_id)
        changes = _Changes(self.apigateway, self.wanted, found)
        changes.settings()
        changes.gateway_responses()
        changes.leave_out_methods()
        changes.validators()
        changes.models()
        changes.authorizers()
        changes.methods()
        changes.leave_out_parts()

    def destroy(self) -> list[str]:
        """Nothing: it goes with the API."""
        return []


@dataclass(slots=True)
class _Changes:
    """The calls that lead from what was found to what is wanted."""

    apigateway: Any
    wanted: ApiDefinition
    found: FoundApi

    @property
    def here(self) -> Row:
        return {"restApiId": self.found.api_id}

    def settings(self) -> None:
        changes = list(_setting_changes(self.wanted.settings, self.found.definition.settings))
        if changes:
            self.apigateway.update_rest_api(**self.here, patchOperations=changes)

    def gateway_responses(self) -> None:
        for kind, row in _changed(self.wanted.gateway_responses, self.found.definition.gateway_responses):
            given = {name: value for name, value in row.items() if value is not None}
            self.apigateway.put_gateway_response(**self.here, responseType=kind, **given)
        for kind in self.found.definition.gateway_responses:
            if kind not in self.wanted.gateway_responses:
                self.apigateway.delete_gateway_response(**self.here, responseType=kind)

    def validators(self) -> None:
        for name, row in _changed(self.wanted.validators, self.found.definition.validators):
            known = self.found.validator_ids.get(name)
            if known is None:
                made = self.apigateway.create_request_validator(**self.here, name=name, **row)
                self.found.validator_ids[name] = made["id"]
                continue
            changes = [{"op": "replace", "path": f"/{key}", "value": str(on).lower()} for key, on in row.items()]
            self.apigateway.update_request_validator(**self.here, requestValidatorId=known, patchOperations=changes)

    def models(self) -> None:
        changed = dict(_changed(self.wanted.models, self.found.definition.models))
        for name in _in_order(self.wanted.models):
            if name not in changed:
                continue
            schema = json.dumps(_referring(changed[name], self.found.api_id))
            if name in self.found.definition.models:
                change = {"op": "replace", "path": "/schema", "value": schema}
                self.apigateway.update_model(**self.here, modelName=name, patchOperations=[change])
            else:
                self.apigateway.create_model(**self.here, name=name, contentType="application/json", schema=schema)

    def authorizers(self) -> None:
        """Create what is missing. Their names say what they check, so none is ever changed, but replaced.

        One of this name that checks something else was tampered with: it is given up as soon as nobody uses it.
        """
        for name, row in _changed(self.wanted.authorizers, self.found.definition.authorizers):
            known = self.found.authorizer_ids.get(name)
            if known is not None:
                self._forget_methods_of(name)
                self.apigateway.delete_authorizer(**self.here, authorizerId=known)
            made = self.apigateway.create_authorizer(**self.here, name=name, **row)
            self.found.authorizer_ids[name] = made["id"]

    def _forget_methods_of(self, authorizer: str) -> None:
        for label in [one for one, row in self.found.methods.items() if row["authorizer"] == authorizer]:
            self._delete_method(label)

    def methods(self) -> None:
        for label, row in _changed(self.wanted.methods, self.found.methods):
            if label in self.found.methods:
                self._delete_method(label)
            self._put_method(label, row)

    def _delete_method(self, label: str) -> None:
        verb, _, path = label.partition(" ")
        self.apigateway.delete_method(**self.here, resourceId=self.found.resource_ids[path], httpMethod=verb)
        del self.found.methods[label]

    def _put_method(self, label: str, row: Row) -> None:
        verb, _, path = label.partition(" ")
        place = {**self.here, "resourceId": self._resource(path), "httpMethod": verb}
        names = ("authorizationType", "apiKeyRequired", "requestParameters", "requestModels", "operationName")
        given = {name: row[name] for name in (*names, "authorizationScopes") if row[name] not in ("", [], {})}
        if row["authorizer"]:
            given["authorizerId"] = self.found.authorizer_ids[row["authorizer"]]
        if row["validator"]:
            given["requestValidatorId"] = self.found.validator_ids[row["validator"]]
        self.apigateway.put_method(**place, **given)
        for status, answer in row["methodResponses"].items():
            self.apigateway.put_method_response(**place, statusCode=status, responseParameters=answer["parameters"])
        self._put_integration(place, row["integration"])

    def _put_integration(self, place: Row, row: Row) -> None:
        own = {name: row[name] for name in _INTEGRATION if row[name]}
        method = {"integrationHttpMethod": row["httpMethod"]} if row["httpMethod"] else {}
        self.apigateway.put_integration(**place, **own, **method)
        for status, mapped in row["responses"].items():
            given = {name: value for name, value in mapped.items() if value}
            self.apigateway.put_integration_response(**place, statusCode=status, **given)

    def _resource(self, path: str) -> str:
        """Return the id of a path's resource; what is missing of the path is made."""
        known = self.found.resource_ids.get(path or "/")
        if known is not None:
            return known
        above, _, part = path.rpartition("/")
        made = self.apigateway.create_resource(**self.here, parentId=self._resource(above), pathPart=part)
        self.found.resource_ids[path] = made["id"]
        return str(made["id"])

    def leave_out_methods(self) -> None:
        """Delete methods and resources that the definition does not have (any more).

        Before others are made: where one resource is a variable, another one cannot stand beside it.
        """
        for label in [one for one in self.found.methods if one not in self.wanted.methods]:
            self._delete_method(label)
        for path in sorted(set(self.found.resource_ids) - set(self.wanted.resources)):
            self._delete_resource(self.found.resource_ids.pop(path))

    def _delete_resource(self, resource_id: str) -> None:
        try:
            self.apigateway.delete_resource(**self.here, resourceId=resource_id)
        except ClientError as error:  # it went with the one above it
            if error.response["Error"]["Code"] != "NotFoundException":
                raise

    def leave_out_parts(self) -> None:
        """Delete what no method refers to any more; of models, those first that refer to others."""
        for name, known in self.found.authorizer_ids.items():
            if name not in self.wanted.authorizers:
                self.apigateway.delete_authorizer(**self.here, authorizerId=known)
        for name, known in self.found.validator_ids.items():
            if name not in self.wanted.validators:
                self.apigateway.delete_request_validator(**self.here, requestValidatorId=known)
        for name in reversed(_in_order(self.found.definition.models)):
            if name not in self.wanted.models:
                self.apigateway.delete_model(**self.here, modelName=name)


def _setting_changes(wanted: Row, found: Row) -> Iterator[Row]:
    """The patches that lead from an API's own settings to those that are wanted."""
    for kind in found["endpoints"]:
        if wanted["endpoints"] != found["endpoints"]:
            yield {"op": "replace", "path": f"/endpointConfiguration/types/{kind}", "value": wanted["endpoints"][0]}
    for kind in set(wanted["binaryMediaTypes"]) ^ set(found["binaryMediaTypes"]):
        op = "add" if kind in wanted["binaryMediaTypes"] else "remove"
        yield {"op": op, "path": f"/binaryMediaTypes/{kind.replace('~', '~0').replace('/', '~1')}"}
    for name in ("apiKeySource", "minimumCompressionSize", "disableExecuteApiEndpoint", "policy"):
        if wanted[name] != found[name]:
            # Compression is turned off by a patch without a value.
            value = {} if wanted[name] is None else {"value": patch_text(wanted[name])}
            yield {"op": "replace", "path": f"/{name}", **value}


def patch_text(value: Any) -> str:
    """A value as patches have it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _changed(wanted: Any, found: Any) -> Iterator[tuple[str, Row]]:
    return ((name, row) for name, row in wanted.items() if found.get(name) != row)


def _in_order(models: Any) -> list[str]:
    """Names of models, each behind those that it refers to: API Gateway takes no reference into the void."""
    ordered: list[str] = []

    def add(name: str) -> None:
        if name in ordered:
            return
        for other in sorted(referred(models[name])):
            if other in models and other != name:
                add(other)
        ordered.append(name)

    for name in models:
        add(name)
    return ordered


def _referring(value: Any, api_id: str) -> Any:
    """A schema that refers to other models as API Gateway wants it."""
    if isinstance(value, dict):
        return {key: _referring(one, api_id) for key, one in value.items()}
    if isinstance(value, list):
        return [_referring(one, api_id) for one in value]
    if isinstance(value, str) and value.startswith(REFERENCE):
        return f"{MODELS}{api_id}/models/{value.removeprefix(REFERENCE)}"
    return value
