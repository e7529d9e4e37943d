"""Deploying to the stack that `make run DEPLOYED=1` starts."""

from infra.deploy.account import Account
from infra.deploy.fault import DeployFault
from infra.deploy.signing_step import Folder, Issuer
from infra.deploy.steps import Target
from infra.local.certificates import ensure_certificates
from infra.local.place import STAGE, Place


def here(place: Place, account: Account) -> Target:
    """Return the target: the emulator serves API and issuer; the pepper outlives Secrets Manager's stand-in."""
    if not place.deployed:
        raise DeployFault("the running stack serves the source tree: start it with make run DEPLOYED=1")
    ca = str(ensure_certificates(place.local).ca)
    issuer = Issuer(place.issuer, Folder(place.data / "issuer"), ca)
    return Target(STAGE, account, issuer, place.base_url, ca, place.data / "deploy", place.data / "pepper")
