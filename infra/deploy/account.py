"""The AWS account that a stage is deployed to, or whatever stands in for it behind `AWS_ENDPOINT_URL`."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, NoRegionError

from infra.deploy.fault import DeployFault
from infra.permissions import Where

# API Gateway allows some of its changes five times a second: who is told to slow down does.
_CONFIG: Final = Config(retries={"mode": "adaptive", "total_max_attempts": 10}, connect_timeout=5, read_timeout=60)


@dataclass(frozen=True, slots=True)
class Account:
    """An account in a Region."""

    account: str
    region: str

    def client(self, service: str) -> Any:
        """Return boto3's client of a service there."""
        return boto3.client(service, region_name=self.region, config=_CONFIG)

    @property
    def where(self) -> Where:
        """The same as policies and templates take it."""
        return Where(self.account, self.region)

    @property
    def is_aws(self) -> bool:
        """Tell whether it is the real thing: no endpoint is named in the environment."""
        return not any(name.startswith("AWS_ENDPOINT_URL") for name in os.environ)


def read_account(environ: Mapping[str, str] = os.environ) -> Account:
    """Ask who we are; DeployFault for what is missing, wrong, or does not answer."""
    region = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or boto3.session.Session().region_name
    if not region:
        raise DeployFault("no Region: set AWS_REGION, for example AWS_REGION=eu-central-1")
    config = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=10)
    try:
        account = boto3.client("sts", region_name=region, config=config).get_caller_identity()["Account"]
    except (NoCredentialsError, NoRegionError):
        raise DeployFault(
            "no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        ) from None
    except ClientError as error:
        raise DeployFault(f"AWS refuses these credentials ({error.response['Error']['Code']}): log in again") from None
    except BotoCoreError as error:
        raise DeployFault(f"{error}: start what should listen there, or correct AWS_ENDPOINT_URL") from None
    return Account(account, region)
