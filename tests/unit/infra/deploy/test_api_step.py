"""The API: made by single calls, compared member by member, and made equal again whatever was done to it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.deploy.api_found import find_api, read_found
from infra.deploy.api_step import ApiStep
from infra.deploy.course import take
from infra.deploy.fault import DeployFault
from tests.doubles.control_planes import patch
from tests.doubles.deploy_ground import API, SMALL, Ground, is_mended
from tests.doubles.gateway import ISSUER

Tampering = Callable[["There"], object]


class There:
    """A deployed API in the hands of somebody who changes it."""

    def __init__(self, ground: Ground) -> None:
        self.aws = ground.gateway
        self.id = find_api(self.aws, API) or ""
        self.found = read_found(self.aws, self.id)
        self.at = {"restApiId": self.id}

    def method(self, label: str) -> dict[str, str]:
        verb, _, path = label.partition(" ")
        return {**self.at, "resourceId": self.found.resource_ids[path], "httpMethod": verb}

    def edit(self, *changes: Any) -> None:
        self.aws.update_rest_api(**self.at, patchOperations=list(changes))

    def edit_method(self, label: str, *changes: Any) -> None:
        self.aws.update_method(**self.method(label), patchOperations=list(changes))

    def edit_integration(self, label: str, *changes: Any) -> None:
        self.aws.update_integration(**self.method(label), patchOperations=list(changes))

    def put_integration(self, label: str, **changed: Any) -> None:
        row = self.aws.get_integration(**self.method(label))
        kept = {name: row[name] for name in ("type", "uri", "passthroughBehavior", "timeoutInMillis")}
        self.aws.put_integration(**self.method(label), integrationHttpMethod="POST", **{**kept, **changed})

    @property
    def authorizer(self) -> str:
        return next(iter(self.found.authorizer_ids.values()))

    def edit_authorizer(self, **changes: Any) -> None:
        """Other settings under the name and on the methods of the authorizer, as the console does it."""
        old = self.aws.get_authorizer(**self.at, authorizerId=self.authorizer)
        issuer = {**old["jwtConfiguration"]["issuers"][0], **changes}
        del issuer["jwksUri"]
        guarded = [label for label, row in self.found.methods.items() if row["authorizer"]]
        for label in guarded:
            none = [
                patch("/authorizationScopes", scope, "remove")
                for scope in self.found.methods[label]["authorizationScopes"]
            ]
            self.edit_method(label, *none, patch("/authorizerId", op="remove"), patch("/authorizationType", "NONE"))
        self.aws.delete_authorizer(**self.at, authorizerId=self.authorizer)
        made = self.aws.create_authorizer(
            **self.at,
            name=old["name"],
            type="JWT",
            identitySource=old["identitySource"],
            jwtConfiguration={**old["jwtConfiguration"], "issuers": [issuer]},
        )
        for label in guarded:
            given = [
                patch("/authorizationScopes", scope, "add")
                for scope in self.found.methods[label]["authorizationScopes"]
            ]
            self.edit_method(label, patch("/authorizerId", made["id"]), patch("/authorizationType", "JWT"), *given)

    def add_resource(self, above: str, part: str) -> str:
        made = self.aws.create_resource(**self.at, parentId=self.found.resource_ids[above], pathPart=part)
        self.found.resource_ids[made["path"]] = made["id"]
        return str(made["path"])

    def add_method(self, label: str) -> None:
        self.aws.put_method(**self.method(label), authorizationType="NONE")
        self.aws.put_integration(**self.method(label), type="MOCK", requestTemplates={"application/json": "{}"})

    def weaken_by_name(self) -> None:
        """A second validator of the same name that validates nothing, on a method."""
        made = self.aws.create_request_validator(**self.at, name="all", validateRequestBody=False)
        self.edit_method("POST /accounts", patch("/requestValidatorId", made["id"]))

    def refer_elsewhere(self) -> None:
        other = "https://apigateway.amazonaws.com/restapis/abcdefghij/models/Money"
        schema = '{"type": "object", "properties": {"limit": {"$ref": "' + other + '"}}}'
        self.aws.update_model(**self.at, modelName="CreateAccount", patchOperations=[patch("/schema", schema)])

    def replace_variable(self) -> None:
        """The resource of `{id}` is another variable: two cannot stand side by side on AWS."""
        self.aws.delete_resource(**self.at, resourceId=self.found.resource_ids["/accounts/{id}"])
        self.add_method(f"GET {self.add_resource('/accounts', '{other}')}")

    def other_response(self) -> None:
        self.aws.create_model(**self.at, name="Free", contentType="application/json", schema="{}")
        models = {"application/json": "Free"}
        self.aws.put_method_response(**self.method("GET /health"), statusCode="200", responseModels=models)


READ = "GET /accounts/{id}"
WRITE = "POST /accounts"
CLAIM = {"claimName": "token_use", "format": "SINGLE_STRING", "required": False, "expectedValues": ["access"]}
OTHER = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:123456789012:function:"

DRIFT: dict[str, tuple[Tampering, str]] = {
    "audience altered": (lambda at: at.edit_authorizer(audiences=["other"]), "audiences"),
    "audience added": (lambda at: at.edit_authorizer(audiences=["api", "other"]), "other"),
    "claim altered": (lambda at: at.edit_authorizer(additionalClaims=[CLAIM]), "'required': False"),
    "claim removed": (lambda at: at.edit_authorizer(additionalClaims=[]), "additionalClaims"),
    "authorizer off one method": (
        lambda at: at.edit_method(
            READ,
            patch("/authorizationScopes", "accounts:read", "remove"),
            patch("/authorizerId", op="remove"),
            patch("/authorizationType", "NONE"),
        ),
        f"{READ}: authorizationType is 'NONE'",
    ),
    "another authorizer": (
        lambda at: at.aws.create_authorizer(
            **at.at, name="second", type="JWT", identitySource="method.request.header.X",
            jwtConfiguration={"issuers": [{"issuer": ISSUER, "audiences": ["a"]}], "defaultAlgorithms": ["ES256"]},
        ),
        "authorizers: second is there",
    ),
    "header of the token": (
        lambda at: at.aws.update_authorizer(
            **at.at, authorizerId=at.authorizer, patchOperations=[patch("/identitySource", "method.request.header.X")]
        ),
        "identitySource is 'method.request.header.X'",
    ),
    "scope removed": (
        lambda at: at.edit_method(READ, patch("/authorizationScopes", "accounts:read", "remove")),
        f"{READ}: authorizationScopes is []",
    ),
    "scope added": (
        lambda at: at.edit_method(WRITE, patch("/authorizationScopes", "a:b", "add")),
        f"{WRITE}: authorizationScopes is ['a:b', 'accounts:write']",
    ),
    "API key off": (lambda at: at.edit_method(WRITE, patch("/apiKeyRequired", "false")), f"{WRITE}: apiKeyRequired is False"),
    "API key from the authorizer": (lambda at: at.edit(patch("/apiKeySource", "AUTHORIZER")), "apiKeySource is 'AUTHORIZER'"),
    "validator off": (lambda at: at.edit_method(WRITE, patch("/requestValidatorId", op="remove")), f"{WRITE}: validator is ''"),
    "validator weakened": (
        lambda at: at.aws.update_request_validator(
            **at.at, requestValidatorId=at.found.validator_ids["all"], patchOperations=[patch("/validateRequestBody", "false")]
        ),
        "validators: all: validateRequestBody is False",
    ),
    "validator of the same name": (There.weaken_by_name, f"{WRITE}: validator is 'all ("),
    "validator added": (lambda at: at.aws.create_request_validator(**at.at, name="none"), "validators: none is there"),
    "header no longer required": (
        lambda at: at.edit_method(WRITE, patch("/requestParameters/method.request.header.Idempotency-Key", "false")),
        "Idempotency-Key is False",
    ),
    "model off": (lambda at: at.edit_method(WRITE, patch("/requestModels/application~1json", op="remove")), "application/json"),
    "model changed": (
        lambda at: at.aws.update_model(**at.at, modelName="Money", patchOperations=[patch("/schema", "{}")]),
        "models: Money: type is missing",
    ),
    "model of another API": (There.refer_elsewhere, "abcdefghij"),
    "model added": (
        lambda at: at.aws.create_model(**at.at, name="Free", contentType="application/json", schema="{}"),
        "models: Free is there",
    ),
    "model of an answer": (There.other_response, "GET /health: methodResponses: 200 is there"),
    "gateway response changed": (
        lambda at: at.aws.put_gateway_response(**at.at, responseType="THROTTLED", statusCode="200"),
        "THROTTLED: statusCode is '200'",
    ),
    "gateway response reset": (
        lambda at: at.aws.delete_gateway_response(**at.at, responseType="THROTTLED"),
        "gateway_responses: THROTTLED is missing",
    ),
    "gateway response added": (
        lambda at: at.aws.put_gateway_response(**at.at, responseType="UNAUTHORIZED", statusCode="200"),
        "gateway_responses: UNAUTHORIZED is there",
    ),
    "another function": (
        lambda at: at.put_integration(READ, uri=f"{OTHER}other:live/invocations"),
        "function:other:live",
    ),
    "another alias": (
        lambda at: at.put_integration(READ, uri=f"{OTHER}tollgate-dev-accounts:old/invocations"),
        "accounts:old",
    ),
    "no alias": (lambda at: at.put_integration(READ, uri=f"{OTHER}tollgate-dev-accounts/invocations"), READ),
    "another timeout": (lambda at: at.put_integration(READ, timeoutInMillis=50), f"{READ}: integration: timeoutInMillis is 50"),
    "credentials of a caller": (
        lambda at: at.put_integration(READ, credentials="arn:aws:iam::123456789012:role/admin"),
        f"{READ}: integration: credentials is 'arn:aws:iam::123456789012:role/admin'",
    ),
    "a mock in its place": (
        lambda at: at.aws.put_integration(**at.method(READ), type="MOCK", requestTemplates={"application/json": "{}"}),
        f"{READ}: integration: type is 'MOCK'",
    ),
    "integration removed": (lambda at: at.aws.delete_integration(**at.method(READ)), f"{READ}: integration: type is missing"),
    "answer of a mock changed": (
        lambda at: at.aws.update_integration_response(
            **at.method("ANY /accounts"), statusCode="405",
            patchOperations=[patch("/responseTemplates/application~1json", "{}")],
        ),
        "ANY /accounts: integration: responses: 405: responseTemplates",
    ),
    "method added": (lambda at: at.add_method("DELETE /accounts"), "methods: DELETE /accounts is there"),
    "method removed": (lambda at: at.aws.delete_method(**at.method(READ)), f"methods: {READ} is missing"),
    "resource added": (lambda at: at.add_resource("/accounts", "spare"), "resources: /accounts/spare is there"),
    "resources with a method added": (
        lambda at: at.add_method(f"GET {at.add_resource(at.add_resource('/', 'a'), 'b')}"),
        "methods: GET /a/b is there",
    ),
    "resource removed": (
        lambda at: at.aws.delete_resource(**at.at, resourceId=at.found.resource_ids["/accounts/{id}"]),
        "resources: /accounts/{id} is missing",
    ),
    "variable renamed": (There.replace_variable, "resources: /accounts/{other} is there"),
    "resource policy": (
        lambda at: at.edit(patch("/policy", '{"Version": "2012-10-17", "Statement": []}')),
        "policy is '{",
    ),
    "binary media type": (lambda at: at.edit(patch("/binaryMediaTypes/*~1*", op="add")), "binaryMediaTypes is ['*/*']"),
    "compression": (lambda at: at.edit(patch("/minimumCompressionSize", "10")), "minimumCompressionSize is 10"),
    "endpoint": (lambda at: at.edit(patch("/endpointConfiguration/types/REGIONAL", "EDGE")), "endpoints is ['EDGE']"),
}  # fmt: skip


@pytest.fixture
def deployed(served: Ground, tmp_path: Path) -> Iterator[Ground]:
    """The small API; a test that passes leaves it equal, and no other one is built upon."""
    if served.stands != "api":
        served.renew(tmp_path)
        take([served.shell(), served.api()])
    served.stands = ""
    yield served
    if not served.api().differences():
        served.stands = "api"


@pytest.mark.parametrize("kind", list(DRIFT))
def test_what_was_done_to_it_is_named_and_undone(deployed: Ground, kind: str) -> None:
    tampering, words = DRIFT[kind]
    there = There(deployed)
    tampering(there)
    is_mended(deployed, deployed.api(), words)
    assert find_api(deployed.gateway, API) == there.id, "an API keeps its id: clients know it"


def test_two_deployments_in_a_row_change_nothing(ground: Ground, capsys: pytest.CaptureFixture[str]) -> None:
    take([ground.shell(), ground.api()])
    with ground.watched() as made:
        assert take([ground.shell(), ground.api()]) == 0
    assert not made
    assert capsys.readouterr().out.splitlines()[-2:] == ["     API's id  as defined", "          API  as defined"]


def test_a_plan_of_nothing_says_what_will_come(ground: Ground) -> None:
    assert ground.shell().differences() == [f"the API {API} is missing"]
    assert ground.api().differences() == [f"the API {API} is missing, with its 4 methods"]
    take([ground.shell()])
    assert ground.api().differences() == [f"the API {API} is empty, and should have 4 methods"]


def test_several_apis_of_one_name_are_not_chosen_among(ground: Ground) -> None:
    for _ in range(2):
        ground.gateway.create_rest_api(name=API)
    for step in (ground.shell(), ground.api(), ground.stage(), ground.plans()):
        with pytest.raises(DeployFault, match=r"2 APIs are named tollgate-dev .* delete those that are not wanted"):
            step.differences()


def test_a_renamed_variable_and_another_authorizer_reach_the_same_api(ground: Ground, tmp_path: Path) -> None:
    take([ground.shell(), ground.api()])
    api_id = find_api(ground.gateway, API)
    file = tmp_path / "api.yaml"
    file.write_text(SMALL.read_text().replace("{id}", "{account}").replace("token_use", "use"))
    step = ApiStep(ground.gateway, ground.definition(file))
    is_mended(ground, step, "resources: /accounts/{account} is missing", "resources: /accounts/{id} is there")
    assert find_api(ground.gateway, API) == api_id
    assert len(ground.gateway.get_authorizers(restApiId=api_id)["items"]) == 1


def test_destroy_takes_the_api_away_and_may_be_said_twice(deployed: Ground) -> None:
    api_id = find_api(deployed.gateway, API)
    assert deployed.api().destroy() == []
    assert deployed.shell().destroy() == [f"the API {API} ({api_id})"]
    assert deployed.shell().destroy() == []
