"""What Chalice would deploy, asked of Chalice itself: `python -m emulator.chalice_project FOLDER STAGE` prints JSON.

The API is the definition that Chalice would import, written as OpenAPI 3 instead of Swagger 2; the functions have the
names, handlers and settings of a deployment; what starts them besides is in the form of the event sources' file. Run in
a process of its own: it imports the app.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

from chalice.app import BaseEventSourceConfig, DynamoDBEventConfig, ScheduledEventConfig, SQSEventConfig
from chalice.cli.factory import CLIFactory
from chalice.config import Config
from chalice.constants import DEFAULT_LAMBDA_MEMORY_SIZE, DEFAULT_LAMBDA_TIMEOUT
from chalice.deploy.swagger import SwaggerGenerator

REGION = "us-east-1"
FUNCTION_ARN = "arn:aws:lambda:us-east-1:123456789012:function:"
API_HANDLER = "api_handler"


def main(folder: str, stage: str) -> None:
    """Print the functions and the API."""
    config = CLIFactory(folder).create_config_obj(chalice_stage_name=stage)
    sources = [_event_source(config, stage, source) for source in config.chalice_app.event_sources]
    found = {"functions": list(_functions(config, stage)), "api": _api(config, stage), "event_sources": sources}
    print(json.dumps(found))  # noqa: T201


def _functions(config: Config, stage: str) -> Iterator[dict[str, Any]]:
    app = config.chalice_app
    named = {function.name: function.handler_string for function in app.pure_lambda_functions}
    named |= {authorizer.name: authorizer.handler_string for authorizer in app.builtin_auth_handlers}
    named |= {source.name: source.handler_string for source in app.event_sources}
    for name, handler in named.items():
        yield _row(config, stage, name, handler, f"{config.app_name}-{stage}-{name}")
    if app.routes:
        yield _row(config, stage, API_HANDLER, "app.app", f"{config.app_name}-{stage}")


def _event_source(config: Config, stage: str, source: BaseEventSourceConfig) -> dict[str, Any]:
    """A row of the event sources' file; for a kind that is not started here, its name alone."""
    row: dict[str, Any] = {"function": f"{config.app_name}-{stage}-{source.name}"}
    match source:
        case ScheduledEventConfig(schedule_expression=when):
            return row | {"type": "schedule", "rate": when if isinstance(when, str) else when.to_string()}
        case SQSEventConfig():
            queue = source.queue or str(source.queue_arn).rpartition(":")[2]
            row |= {"type": "sqs", "queue": queue, "maximum_concurrency": source.maximum_concurrency}
        case DynamoDBEventConfig():
            table = source.stream_arn.split("/")[1]
            row |= {"type": "dynamodb-stream", "table": table, "starting_position": source.starting_position}
        case _:
            return row | {"type": type(source).__name__}
    window = source.maximum_batching_window_in_seconds or 0
    return row | {"batch_size": source.batch_size, "maximum_batching_window_seconds": window}


def _row(config: Config, stage: str, name: str, handler: str, deployed: str) -> dict[str, Any]:
    scoped = config.scope(stage, name)
    return {
        "name": deployed,
        "handler": handler,
        "memory_mb": scoped.lambda_memory_size or DEFAULT_LAMBDA_MEMORY_SIZE,
        "timeout_seconds": scoped.lambda_timeout or DEFAULT_LAMBDA_TIMEOUT,
        "environment": dict(scoped.environment_variables),
    }


def _api(config: Config, stage: str) -> dict[str, Any] | None:
    app = config.chalice_app
    if not app.routes:
        return None
    name = f"{config.app_name}-{stage}"
    authorizers = [f"{name}-{authorizer.name}" for authorizer in app.builtin_auth_handlers]
    deployed = {
        f"{API_HANDLER}_name": name,
        f"{API_HANDLER}_arn": f"{FUNCTION_ARN}{name}",
        "lambda_functions": {authorizer: {"arn": f"{FUNCTION_ARN}{authorizer}"} for authorizer in authorizers},
    }
    return _as_openapi_3(SwaggerGenerator(REGION, deployed).generate_swagger(app))


def _as_openapi_3(swagger: dict[str, Any]) -> dict[str, Any]:
    """Move what has another place; the extensions are the same, and the rest is nothing the gateway looks at."""
    paths = {
        path: {verb: _operation(operation) for verb, operation in verbs.items()}
        for path, verbs in swagger["paths"].items()
    }
    extensions = {name: value for name, value in swagger.items() if name.startswith("x-amazon-apigateway-")}
    schemes = swagger.get("securityDefinitions", {})
    return {
        "openapi": "3.0.1",
        "info": swagger["info"],
        "paths": paths,
        "components": {"securitySchemes": schemes},
        **extensions,
    }


def _operation(operation: dict[str, Any]) -> dict[str, Any]:
    """Chalice writes a key and an authorizer as if one were enough; API Gateway's import takes them as both."""
    kept = {"x-amazon-apigateway-integration", "x-amazon-apigateway-request-validator"}
    security = {name: scopes for wanted in operation.get("security", ()) for name, scopes in wanted.items()}
    return {name: value for name, value in operation.items() if name in kept} | {"security": [security]}


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
