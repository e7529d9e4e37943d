"""Whether API Gateway may invoke a function: what the function's own policy says of this API, where policies are kept.

Source: API Gateway developer guide, "Permissions for API Gateway to invoke Lambda" and "Lambda authorizer permissions".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from emulator.definition import Deployment, LambdaAuthorizer, LambdaProxy
from emulator.gateway.context import Exchange

Permits = Callable[[str, str], bool]
"""Tells whether `name` or `name:qualifier` lets itself be invoked for the method or authorizer of an ARN."""


@dataclass(frozen=True, slots=True)
class Permission:
    """`permits` is None where functions have no policies: those of this machine's source tree."""

    deployment: Deployment
    permits: Permits | None

    def holds(self, exchange: Exchange, integration: LambdaProxy) -> bool:
        """Tell whether a method may invoke its function. The ARN has the resource as it is written, `{id}` and all."""
        if self.permits is None or integration.by_role:
            return True
        place = f"{self.deployment.stage.name}/{exchange.request.method}{exchange.method.resource}"
        return self.permits(integration.function, f"{self._api}/{place}")

    def holds_for(self, authorizer: LambdaAuthorizer) -> bool:
        """Tell whether an authorizer may invoke its function."""
        if self.permits is None or authorizer.by_role:
            return True
        known = self.deployment.authorizer_ids.get(authorizer.name, authorizer.name)
        return self.permits(authorizer.function, f"{self._api}/authorizers/{known}")

    @property
    def _api(self) -> str:
        at = self.deployment
        return f"arn:aws:execute-api:{at.region}:{at.account_id}:{at.api_id}"
