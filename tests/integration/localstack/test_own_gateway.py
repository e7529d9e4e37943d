"""The stand-in's own API Gateway: a deployment reads back what it keeps, and says by name what it has dropped."""

import pytest

from infra.deploy.api_definition import read_definition
from infra.deploy.api_step import ApiStep, ShellStep
from infra.deploy.course import _take
from infra.deploy.fault import DeployFault
from tests.integration.localstack.bare_stand_in import REGION, Bare
from tests.integration.localstack.differences import STAND_INS

NAME = "tollgate-dev"
ISSUER = "https://localhost:8443/_emulator/issuer"


@pytest.fixture(autouse=True)
def _no_settling(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is dropped here does not come later."""
    monkeypatch.setattr("infra.deploy.course._SETTLING_SECONDS", ())


def _deploy(bare: Bare) -> None:
    variables = {"region": REGION, "account": bare.account, "stage": "dev", "issuer": ISSUER, "audience": "tollgate"}
    _take(ShellStep(bare.gateway, NAME, {}))
    _take(ApiStep(bare.gateway, read_definition(NAME, variables)))


@pytest.mark.parametrize("bare", STAND_INS[:1], indirect=True)
def test_what_ministack_has_dropped_is_named(bare: Bare) -> None:
    with pytest.raises(DeployFault) as refused:
        _deploy(bare)
    first, *dropped = str(refused.value).split("\n  ")
    assert first == "API: what is there is still not what is defined:"
    authorizers = [line.partition(": jwt-")[2].partition(": ")[2] for line in dropped if line.startswith("authorizers")]
    assert authorizers == ["jwtConfiguration is missing", "authorizerResultTtlInSeconds is there and should not be"]
    methods = [line for line in dropped if not line.startswith("authorizers")]
    assert methods, "the methods that refuse other verbs"
    assert all(
        line.startswith("methods: ANY ") and line.endswith("integration: httpMethod is 'POST' and should be ''")
        for line in methods
    )


@pytest.mark.parametrize("bare", STAND_INS[1:], indirect=True)
def test_what_moto_refuses_is_named(bare: Bare) -> None:
    with pytest.raises(
        DeployFault, match=r"Value 'JWT' at .* failed to satisfy constraint: Member must satisfy enum value set"
    ):
        _deploy(bare)
