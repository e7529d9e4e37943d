"""Which steps a stage has: whoever serves the issuer's documents elsewhere rotates the keys by command."""

from pathlib import Path

import pytest

from infra.deploy.account import Account
from infra.deploy.bucket_step import Bucket, BucketStep
from infra.deploy.leftovers_step import LeftoversStep
from infra.deploy.release_step import ReleaseStep
from infra.deploy.signing_step import Folder, Issuer
from infra.deploy.sources_step import SchedulesStep
from infra.deploy.steps import KEYS, Target, steps_of

ACCOUNT = Account("123456789012", "us-east-1")

pytestmark = pytest.mark.usefixtures("aws")


def _target(folder: Path, publisher: Bucket | Folder) -> Target:
    return Target("dev", ACCOUNT, Issuer("https://issuer.example", publisher), url="", ca="", folder=folder)


def _asked(target: Target) -> tuple[bool, bool, bool]:
    """Tell whether the keys have a schedule, whether they are asked before a release, and whether there is a bucket."""
    steps = steps_of(target)
    (schedules,) = [step for step in steps if isinstance(step, SchedulesStep)]
    (release,) = [step for step in steps if isinstance(step, ReleaseStep)]
    has_bucket = any(isinstance(step, BucketStep) for step in steps)
    return KEYS in schedules.resources.schedules, KEYS not in release.unasked, has_bucket


def test_keys_are_rotated_by_a_function_that_can_write_to_the_bucket(tmp_path: Path) -> None:
    assert _asked(_target(tmp_path, Bucket(ACCOUNT, "documents"))) == (True, True, True)


def test_no_function_on_aws_can_write_to_a_folder(tmp_path: Path) -> None:
    assert _asked(_target(tmp_path, Folder(tmp_path))) == (False, False, False)


def test_on_this_machine_it_can(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", "http://127.0.0.1:1")
    assert _asked(_target(tmp_path, Folder(tmp_path))) == (True, True, False)


def test_what_is_left_over_goes_last(tmp_path: Path) -> None:
    assert isinstance(steps_of(_target(tmp_path, Folder(tmp_path)))[-1], LeftoversStep)
