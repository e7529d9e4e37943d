"""The AWS account that a stage is deployed to, or whatever stands in for it behind `AWS_ENDPOINT_URL`."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)

from infra.deploy.fault import DeployFault
from infra.permissions import Where

# API Gateway allows some of its changes five times a second: who is told to slow down does.
_CONFIG: Final = Config(retries={"mode": "adaptive", "total_max_attempts": 10}, connect_timeout=5, read_timeout=60)

_LONGEST_WAIT_SECONDS: Final = 15
_ATTEMPTS: Final = 9
"""The waits between them are 75 s: longer than a function takes to be updated, or SQS to let go of a queue's name."""

_SETTLING_SECONDS: Final = (1.0, 2.0, 4.0, 8.0, 16.0)

_PASSING: Final[Mapping[str, tuple[str, ...]]] = {
    "ConflictException": ("concurrent modification", "try again"),
    "ConcurrentModificationException": ("",),
    "ConcurrentModification": ("",),
    "ContinuousBackupsUnavailableException": ("",),
    "OperationAborted": ("",),
    "QueueDeletedRecently": ("",),
    "AWS.SimpleQueueService.QueueDeletedRecently": ("",),
    "EntityTemporarilyUnmodifiable": ("",),
    "ResourceConflictException": ("in progress", "state: pending", "try again"),
    "ResourceInUseException": ("event source mapping",),
    "InvalidParameterValueException": (
        "cannot be assumed",
        "execution role does not have permissions",
        "ensure the role",
    ),
}
"""What passes by itself, and what the message says then: a change that another one is in the way of, a function that is
still being updated, a role that Lambda has not heard of yet, backups of a table that was made just now, a queue of the
same name that was deleted less than a minute ago. botocore repeats none of these."""


@dataclass(frozen=True, slots=True)
class Account:
    """An account in a Region."""

    account: str
    region: str
    _clients: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def client(self, service: str) -> Any:
        """Return boto3's client of a service there, always the same one: it is the client that learns to slow down."""
        if service not in self._clients:
            made = boto3.client(service, region_name=self.region, config=_CONFIG)
            made.meta.events.register(f"needs-retry.{made.meta.service_model.service_id.hyphenize()}", wait_seconds)
            self._clients[service] = made
        return self._clients[service]

    @property
    def where(self) -> Where:
        """The same as policies and templates take it."""
        return Where(self.account, self.region)

    @property
    def settling_seconds(self) -> tuple[float, ...]:
        """How long to wait, again and again, for what the world sees only some time after it was made.

        A new stage is not on all of API Gateway's hosts at once, nor a bucket's policy on all of S3's.
        """
        return _SETTLING_SECONDS if self.is_aws else ()

    @property
    def is_aws(self) -> bool:
        """Tell whether it is the real thing: no endpoint is named in the environment."""
        return not any(name.startswith("AWS_ENDPOINT_URL") for name in os.environ)


def wait_seconds(response: Any, attempts: int, **_more: Any) -> float | None:
    """Tell botocore how long to wait before it asks again; None for what would not pass by itself."""
    if response is None or attempts >= _ATTEMPTS:
        return None
    error = response[1].get("Error", {})
    said = str(error.get("Message", "")).lower()
    if any(words in said for words in _PASSING.get(error.get("Code", ""), ())):
        return float(min(2 ** (attempts - 1), _LONGEST_WAIT_SECONDS))
    return None


def read_account(environ: Mapping[str, str] = os.environ) -> Account:
    """Ask who we are; DeployFault for what is missing, wrong, or does not answer."""
    try:
        region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or boto3.session.Session().region_name
        if not region:
            raise DeployFault("no Region: set AWS_REGION, for example AWS_REGION=eu-central-1")
        return Account(_who_we_are(region), region)
    except (NoCredentialsError, NoRegionError):
        raise DeployFault(
            "no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        ) from None
    except ProfileNotFound as error:
        raise DeployFault(f"{error}: correct AWS_PROFILE, or make the profile with aws configure") from None
    except (PartialCredentialsError, CredentialRetrievalError, SSOError, TokenRetrievalError) as error:
        raise DeployFault(f"{error}: log in again, or set the credentials whole") from None
    except ClientError as error:
        raise DeployFault(f"AWS refuses these credentials ({error.response['Error']['Code']}): log in again") from None
    except ValueError as error:
        raise DeployFault(f"{error}: correct AWS_REGION or AWS_ENDPOINT_URL") from None
    except BotoCoreError as error:
        raise DeployFault(f"{error}: start what should listen there, or correct AWS_ENDPOINT_URL") from None


def _who_we_are(region: str) -> str:
    config = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=10)
    answer = boto3.client("sts", region_name=region, config=config).get_caller_identity()
    return str(answer["Account"])
