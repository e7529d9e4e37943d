"""The course of a deployment: steps planned, taken, and read back; or taken away in the opposite order."""

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError

from infra.deploy.fault import DeployFault
from infra.deploy.smoke import smoke
from infra.deploy.step import Step
from infra.deploy.steps import Target, steps_of
from infra.files import turn

_SETTLING_SECONDS: Final = (1.0, 2.0, 4.0, 8.0)
"""How long is waited for a change to be seen: IAM tells of one some seconds after it was made."""


def turn_of(target: Target) -> AbstractContextManager[None]:
    """Wait until nobody else here plans or deploys the stage: each writes the project that Chalice packs."""
    return turn(target.folder / ".lock")


def plan(steps: Sequence[Step]) -> int:
    """Say what would change; return how many differences there are."""
    count = 0
    for step in steps:
        found = step.differences()
        count += len(found)
        _say(step.name, found or ["as defined"])
    print(f"{count} differences" if count else "nothing to change", flush=True)
    return count


def deploy(target: Target) -> None:
    """Take every step, ask the public URL, and read everything back; DeployFault where that does not hold."""
    steps = steps_of(target)
    changed = take(steps)
    _say("smoke test", smoke(target.public_url(), target.ca, target.account.settling_seconds))
    read_back(steps)
    said = f"{changed} differences were made equal" if changed else "nothing had to change"
    print(f"{target.stage} is deployed at {target.public_url()}: {said}; everything was read back", flush=True)


def take(steps: Sequence[Step]) -> int:
    """Make everything equal, one step after another; return how many differences there were."""
    return sum(_take(step) for step in steps)


def read_back(steps: Sequence[Step]) -> None:
    """Compare every step once more: a later one may have undone an earlier one."""
    for step in steps:
        _must_be_equal(step)


def _take(step: Step) -> int:
    found = step.differences()
    _say(step.name, found or ["as defined"])
    if found:
        try:
            step.apply()
        except (ClientError, BotoCoreError, OSError) as error:
            raise DeployFault(
                f"{step.name}: {error}; the steps before are done, this one may be half done: "
                "mend that and run this again, it goes on from there"
            ) from error
        _must_be_equal(step)
    return len(found)


def _must_be_equal(step: Step) -> None:
    left = step.differences()
    for seconds in _SETTLING_SECONDS:
        if not left:
            return
        time.sleep(seconds)
        left = step.differences()
    if left:
        text = "\n  ".join(left)
        raise DeployFault(f"{step.name}: what is there is still not what is defined:\n  {text}")


def destroy(steps: Sequence[Step]) -> None:
    """Take everything away, last first."""
    for step in reversed(steps):
        _say(step.name, step.destroy())


def _say(name: str, lines: Sequence[str]) -> None:
    for line in lines:
        print(f"{name:>13}  {line}", flush=True)
