"""What the gateway serves, as values: the API of the OpenAPI file and the stage, plans and account beside it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from emulator.mount import ROOT, Mount

Period = Literal["DAY", "WEEK", "MONTH"]
KeySource = Literal["HEADER", "AUTHORIZER"]


@dataclass(frozen=True, slots=True)
class ClaimRule:
    """One of `additionalClaims`: a single string, present if required, one of `expected` if there are any."""

    name: str
    required: bool
    expected: frozenset[str]


@dataclass(frozen=True, slots=True)
class TrustedIssuer:
    issuer: str
    audiences: frozenset[str]
    claims: tuple[ClaimRule, ...]


@dataclass(frozen=True, slots=True, eq=False)
class JwtAuthorizer:
    """The native JWT authorizer of REST APIs; `header` is the lower-case name of its identity source.

    Each is itself alone, however alike another one is: it is looked up with every request, and its hash is free.
    """

    name: str
    header: str
    issuers: tuple[TrustedIssuer, ...]
    algorithms: frozenset[str]


@dataclass(frozen=True, slots=True)
class LambdaAuthorizer:
    """A function that answers with a policy, which holds for its identity sources for `ttl_seconds` (0: is not kept).

    `validation` is what the whole token of a TOKEN authorizer has to match before the function is called. `by_role`: it
    is called in the name of a role, and the function's own policy is not asked.
    """

    name: str
    function: str
    kind: Literal["TOKEN", "REQUEST"]
    sources: tuple[str, ...]
    ttl_seconds: int
    validation: re.Pattern[str] | None = None
    by_role: bool = False


@dataclass(frozen=True, slots=True)
class LambdaProxy:
    """`by_role`: the function is called in the name of a role, and its own policy is not asked."""

    function: str
    timeout_ms: int
    by_role: bool = False


@dataclass(frozen=True, slots=True)
class MappedResponse:
    """`pattern` is None for the default one; `headers` map a name to a mapping expression."""

    pattern: re.Pattern[str] | None
    status: int
    headers: Mapping[str, str]
    templates: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Http:
    """An HTTP service behind the gateway; `path`, `query` and `headers` map its names to mapping expressions.

    `responses` is None for a proxy, which passes everything on; else only what is mapped goes either way, and the body.
    """

    method: str
    uri: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    timeout_ms: int
    responses: tuple[MappedResponse, ...] | None = None


@dataclass(frozen=True, slots=True)
class Mock:
    """`passthrough` is what happens to a content type without a template: never | when_no_templates | when_no_match."""

    request_templates: Mapping[str, str]
    responses: tuple[MappedResponse, ...]
    passthrough: str = "when_no_match"


@dataclass(frozen=True, slots=True)
class Method:
    """One method of one resource, with everything that is asked of a request to it."""

    http_method: str
    resource: str
    integration: LambdaProxy | Http | Mock
    operation: str | None = None
    authorizer: JwtAuthorizer | LambdaAuthorizer | None = None
    scopes: frozenset[str] = frozenset()
    api_key_required: bool = False
    validates_body: bool = False
    validates_parameters: bool = False
    required_headers: tuple[str, ...] = ()
    required_query: tuple[str, ...] = ()
    models: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    label: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "label", f"{self.http_method} {self.resource}")

    @property
    def functions(self) -> tuple[str, ...]:
        """The functions that a request to it may call."""
        parts = (self.authorizer, self.integration)
        return tuple(part.function for part in parts if isinstance(part, (LambdaAuthorizer, LambdaProxy)))


@dataclass(frozen=True, slots=True)
class GatewayResponse:
    """A gateway response as the definition gives it; what it leaves out comes from AWS's defaults."""

    status: int | None
    headers: Mapping[str, str]
    templates: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Api:
    title: str
    methods: tuple[Method, ...]
    gateway_responses: Mapping[str, GatewayResponse]
    binary_media_types: frozenset[str] = frozenset()
    minimum_compression: int | None = None
    key_source: KeySource = "HEADER"

    @property
    def issuers(self) -> frozenset[str]:
        """Everybody whose tokens some method accepts."""
        authorizers = {method.authorizer for method in self.methods if isinstance(method.authorizer, JwtAuthorizer)}
        return frozenset(trusted.issuer for authorizer in authorizers for trusted in authorizer.issuers)


@dataclass(frozen=True, slots=True)
class Throttle:
    """`rate` is requests per second, `burst` the capacity of the bucket."""

    rate: float
    burst: int


@dataclass(frozen=True, slots=True)
class Quota:
    """`offset` is subtracted from the limit in the first period in which a key is used."""

    limit: int
    period: Period
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    name: str
    throttle: Throttle | None = None
    quota: Quota | None = None
    methods: Mapping[str, Throttle] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stage:
    name: str
    throttle: Throttle | None
    methods: Mapping[str, Throttle]
    access_log: str
    integration_timeout_ms: int
    variables: Mapping[str, str] = field(default_factory=dict)
    metrics: bool = False
    method_metrics: Mapping[str, bool] = field(default_factory=dict)

    def has_metrics(self, label: str) -> bool:
        """Whether metrics are detailed for a method: as it says itself, else as the stage does."""
        return self.method_metrics.get(label, self.metrics)


@dataclass(frozen=True, slots=True)
class Deployment:
    """One stage of the API together with what surrounds it; an authorizer that has no id goes by its name."""

    api: Api
    stage: Stage
    plans: Mapping[str, Plan]
    account: Throttle | None
    account_id: str
    region: str
    api_id: str
    mount: Mount = ROOT
    authorizer_ids: Mapping[str, str] = field(default_factory=dict)
