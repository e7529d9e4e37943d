"""The event of a Lambda proxy integration, format 1.0, complete."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

import orjson

from emulator.definition import Deployment
from emulator.gateway.context import Exchange, Permit, clf_time
from emulator.gateway.errors import Refusal

# Hop-by-hop headers end here; the forwarding ones are written anew.
_DROPPED = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "keep-alive",
        "proxy-connection",
        "te",
        "transfer-encoding",
        "upgrade",
        "x-amzn-trace-id",
        "x-forwarded-for",
        "x-forwarded-port",
        "x-forwarded-proto",
    }
)


@dataclass(slots=True)
class Events:
    """What the events of one deployment have in common."""

    deployment: Deployment
    port: str
    binary: frozenset[str]

    @classmethod
    def of(cls, deployment: Deployment, port: int) -> Events:
        return cls(deployment, str(port), deployment.api.binary_media_types)

    def build(self, exchange: Exchange) -> bytes:
        """The event as JSON. Refuses with BAD_REQUEST_BODY a text that is not UTF-8."""
        headers, multi = self.headers(exchange)
        body, encoded = self._body(exchange)
        event = {
            "resource": exchange.method.resource,
            "path": self.deployment.mount.told(exchange.request.raw_path),
            "httpMethod": exchange.request.method,
            "headers": headers,
            "multiValueHeaders": multi,
            "queryStringParameters": exchange.query.values or None,
            "multiValueQueryStringParameters": exchange.query.multi or None,
            "pathParameters": exchange.path_parameters or None,
            "stageVariables": self.deployment.stage.variables or None,
            "requestContext": self.context(exchange),
            "body": body,
            "isBase64Encoded": encoded,
        }
        return orjson.dumps(event)

    def headers(self, exchange: Exchange) -> tuple[dict[str, str], dict[str, list[str]]]:
        """The single and the multi-value map, with the headers that API Gateway writes."""
        source = exchange.headers
        given = source.lower.get("x-forwarded-for")
        added = {
            "X-Amzn-Trace-Id": exchange.ids.trace_id,
            "X-Forwarded-For": f"{given}, {exchange.request.source_ip}" if given else exchange.request.source_ip,
            "X-Forwarded-Port": self.port,
            "X-Forwarded-Proto": "https",
        }
        kept = {name: value for name, value in source.values.items() if name.lower() not in _DROPPED}
        multi = {name: source.multi[name] for name in kept}
        for name, value in added.items():
            kept[name] = value
            multi[name] = [value]
        return kept, multi

    def _body(self, exchange: Exchange) -> tuple[str | None, bool]:
        body = exchange.request.body
        if not body:
            return None, False
        if self.binary and self._is_binary(exchange):
            return base64.b64encode(body).decode("ascii"), True
        try:
            return body.decode("utf-8"), False
        except UnicodeDecodeError as error:
            raise Refusal("BAD_REQUEST_BODY", detail="[the body is not UTF-8]") from error

    def _is_binary(self, exchange: Exchange) -> bool:
        media_type = exchange.headers.lower.get("content-type", "").partition(";")[0].strip()
        return media_type in self.binary or "*/*" in self.binary or f"{media_type.split('/')[0]}/*" in self.binary

    def context(self, exchange: Exchange) -> dict[str, Any]:
        """The requestContext, with what is known of the caller so far."""
        deployment, method, request, key = self.deployment, exchange.method, exchange.request, exchange.key
        host = exchange.headers.lower.get("host", "")
        context: dict[str, Any] = {
            "resourceId": "",
            "resourcePath": method.resource,
            "httpMethod": request.method,
            "extendedRequestId": exchange.ids.extended_request_id,
            "requestTime": clf_time(exchange.arrived_at),
            "path": request.raw_path,
            "accountId": deployment.account_id,
            "protocol": request.protocol,
            "stage": deployment.stage.name,
            "domainPrefix": host.partition(".")[0].partition(":")[0],
            "requestTimeEpoch": exchange.arrived_at,
            "requestId": exchange.ids.request_id,
            "identity": {
                "cognitoIdentityPoolId": None,
                "accountId": None,
                "apiKey": key.value if key else None,
                "apiKeyId": key.id if key else None,
                "cognitoIdentityId": None,
                "caller": None,
                "principalOrgId": None,
                "sourceIp": request.source_ip,
                "accessKey": None,
                "cognitoAuthenticationType": None,
                "cognitoAuthenticationProvider": None,
                "userArn": None,
                "userAgent": exchange.headers.lower.get("user-agent"),
                "user": None,
            },
            "domainName": host,
            "deploymentId": deployment.stage.name,
            "apiId": deployment.api_id,
        }
        if exchange.verified is not None:
            context["authorizer"] = {"claims": exchange.verified.claims_json}
        elif exchange.permit is not None:
            context["authorizer"] = _permitted(exchange, exchange.permit)
        if method.operation is not None:
            context["operationName"] = method.operation
        return context


def _permitted(exchange: Exchange, permit: Permit) -> dict[str, Any]:
    """What the authorizer gave as its context, between which the gateway's own two names cannot be set by it."""
    return {
        **permit.values,
        "principalId": permit.principal,
        "integrationLatency": exchange.authorizer_latency,
    }
