"""What a Lambda authorizer is told: the events of TOKEN and of REQUEST, and the ARN of the method that is called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from emulator.definition import Deployment, LambdaAuthorizer
from emulator.gateway.context import Exchange
from emulator.gateway.event import Events
from emulator.gateway.parse import decoded


@dataclass(frozen=True, slots=True)
class AuthorizerEvents:
    """Source: api-gateway-lambda-authorizer-input."""

    deployment: Deployment
    events: Events

    def arn(self, exchange: Exchange) -> str:
        """The method's ARN, with the path decoded so that no second spelling of it evades a Deny."""
        at = self.deployment
        path = at.mount.within(exchange.request.raw_path)
        path = decoded(path) if "%" in path else path
        return (
            f"arn:aws:execute-api:{at.region}:{at.account_id}:{at.api_id}"
            f"/{at.stage.name}/{exchange.request.method}{path}"
        )

    def build(self, exchange: Exchange, authorizer: LambdaAuthorizer, token: str) -> bytes:
        arn = self.arn(exchange)
        if authorizer.kind == "TOKEN":
            return orjson.dumps({"type": "TOKEN", "methodArn": arn, "authorizationToken": token})
        return orjson.dumps({"type": "REQUEST", "methodArn": arn, **self._request(exchange)})

    def _request(self, exchange: Exchange) -> dict[str, Any]:
        """The proxy event without the body; what is empty is an empty object, as in the examples."""
        headers, multi = self.events.headers(exchange)
        context = self.events.context(exchange)
        context["identity"]["apiKey"] = exchange.headers.lower.get("x-api-key")
        return {
            "resource": exchange.method.resource,
            "path": self.deployment.mount.told(exchange.request.raw_path),
            "httpMethod": exchange.request.method,
            "headers": headers,
            "multiValueHeaders": multi,
            "queryStringParameters": exchange.query.values,
            "multiValueQueryStringParameters": exchange.query.multi,
            "pathParameters": exchange.path_parameters,
            "stageVariables": self.deployment.stage.variables,
            "requestContext": context,
        }
