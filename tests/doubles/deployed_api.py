"""boto3 before the control planes over HTTP: an API made call by call, deployed, and asked."""

from __future__ import annotations

from typing import Any

from emulator.gateway.context import Reply
from tests.doubles.control_planes import Apis, client

LAMBDA = (
    "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/"
    "arn:aws:lambda:us-east-1:123456789012:function:{}/invocations"
)


class Stand:
    """The planes behind HTTP with boto3 in front of them, in a folder."""

    def __init__(self, apis: Apis, endpoint: str) -> None:
        self.apis = apis
        self.endpoint = endpoint
        self.aws = client("apigateway", endpoint)

    def ask(
        self, api_id: str, path: str, stage: str = "s", verb: str = "GET", body: bytes = b"", **headers: str
    ) -> Reply:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.apis.ask(verb, f"/_aws/execute-api/{api_id}/{stage}{path}", named, body)

    def status(self, api_id: str, path: str, stage: str = "s", **more: Any) -> int:
        return self.ask(api_id, path, stage, **more).status


def made(stand: Stand, function: str = "f", path: str = "a", name: str = "api", **method: Any) -> str:
    """An API with a function behind GET of a path, call by call."""
    aws = stand.aws
    api = aws.create_rest_api(name=name)
    resource = aws.create_resource(restApiId=api["id"], parentId=api["rootResourceId"], pathPart=path)["id"]
    at = {"restApiId": api["id"], "resourceId": resource, "httpMethod": "GET"}
    aws.put_method(**at, **{"authorizationType": "NONE", **method})
    aws.put_integration(**at, type="AWS_PROXY", integrationHttpMethod="POST", uri=LAMBDA.format(function))
    api_id: str = api["id"]
    return api_id


def deployed(stand: Stand, stage: str = "s", **more: Any) -> str:
    api_id = made(stand, **more)
    stand.aws.create_deployment(restApiId=api_id, stageName=stage)
    return api_id


def keyed(stand: Stand, api_id: str, stage: str = "s", **plan: Any) -> tuple[str, str]:
    """A usage plan for a stage, and the value of a key of it."""
    aws = stand.aws
    made_plan = aws.create_usage_plan(name="p", apiStages=[{"apiId": api_id, "stage": stage}], **plan)["id"]
    key = aws.create_api_key(name="k", enabled=True)
    aws.create_usage_plan_key(usagePlanId=made_plan, keyId=key["id"], keyType="API_KEY")
    return made_plan, key["value"]
