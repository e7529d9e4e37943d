"""Health: the function runs and its ledger answers."""

import pytest

from tests.doubles.faulty_dynamo import Fault, FaultyDynamo
from tests.doubles.platform import Platform, Response
from tests.doubles.small_ledger import SmallLedger


def _health(platform: Platform) -> Response:
    return platform.request(None, "GET", "/v1/health")


def test_it_needs_nobody() -> None:
    ledger = SmallLedger()
    answer = _health(ledger.platform)
    assert (answer.status, answer.json) == (200, {"status": "ok"})
    assert ledger.store.round_trips == {"get": 1}
    assert ledger.store.read_units == 0.5


@pytest.mark.parametrize("fault", [Fault.THROTTLED, Fault.UNREACHABLE, Fault.LOST_BEFORE])
def test_a_ledger_that_does_not_answer(fault: Fault) -> None:
    store = FaultyDynamo(reads=[fault] * 20)
    answer = _health(Platform(store))
    assert answer.status == 503
    assert answer.headers["Retry-After"] == "1"
