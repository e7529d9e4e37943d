"""Step 5: token buckets - the client's plan, the stage and its methods, the account; all must have one to give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from emulator.clock import Clock
from emulator.definition import Deployment, Plan, Throttle
from emulator.gateway.context import Exchange
from emulator.gateway.errors import Refusal

_TOKEN = 1_000_000  # a bucket counts in millionths, so that any rate is whole per millisecond


class Bucket:
    """A token bucket in whole numbers of millionths and whole milliseconds.

    Within one millisecond nothing is gained: of AWS's 10,000 requests "in the first millisecond" a bucket of
    5,000 serves exactly 5,000.
    """

    __slots__ = ("capacity", "credited_at", "gain", "level")

    def __init__(self, throttle: Throttle) -> None:
        self.capacity = throttle.burst * _TOKEN
        self.gain = round(throttle.rate * _TOKEN / 1000)
        self.level = self.capacity
        self.credited_at = 0

    def ready(self, now: int) -> bool:
        """Whether there is a token at `now` (milliseconds)."""
        if now > self.credited_at:
            self.level = min(self.capacity, self.level + (now - self.credited_at) * self.gain)
            self.credited_at = now
        return self.level >= _TOKEN

    def take(self) -> None:
        self.level -= _TOKEN


@dataclass(slots=True)
class Throttling:
    """All buckets of a deployment. A method with a throttle of its own does not draw on the stage's bucket."""

    clock: Clock
    plans: Mapping[str, Plan]
    account: Bucket | None
    stage: Bucket | None
    methods: dict[str, Bucket]
    clients: dict[tuple[str, str, str], tuple[Bucket, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, deployment: Deployment, clock: Clock) -> Throttling:
        stage = deployment.stage
        return cls(
            clock=clock,
            plans=deployment.plans,
            account=Bucket(deployment.account) if deployment.account else None,
            stage=Bucket(stage.throttle) if stage.throttle else None,
            methods={label: Bucket(throttle) for label, throttle in stage.methods.items()},
        )

    def __call__(self, exchange: Exchange) -> None:
        """Refuses with THROTTLED (429). A refused request takes no token anywhere."""
        now = self.clock.steady()
        buckets = self._buckets(exchange)
        for bucket in buckets:
            if not bucket.ready(now):
                raise Refusal("THROTTLED")
        for bucket in buckets:
            bucket.take()

    def _buckets(self, exchange: Exchange) -> tuple[Bucket, ...]:
        """In AWS's order; remembered per key, plan and method."""
        label = exchange.method.label
        key = exchange.key
        who = (key.id, key.plan, label) if key else ("", "", label)
        known = self.clients.get(who)
        if known is None:
            shared = (self.methods.get(label, self.stage), self.account)
            own = self._own(key.id, self.plans[key.plan], label) if key else ()
            known = self.clients[who] = own + tuple(bucket for bucket in shared if bucket)
        return known

    def _own(self, key_id: str, plan: Plan, label: str) -> tuple[Bucket, ...]:
        """The plan's bucket for this client and method, and the client's one for the whole plan."""
        per_method = plan.methods.get(label)
        found = [Bucket(per_method)] if per_method else []
        if plan.throttle:
            whole = self.clients.get((key_id, plan.name, ""))
            if whole is None:
                whole = self.clients[key_id, plan.name, ""] = (Bucket(plan.throttle),)
            found += whole
        return tuple(found)
