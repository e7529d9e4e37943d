"""The keys function: started by a schedule, it does what is due for the signing keys and says so."""

from typing import Any

from aws_lambda_powertools import Logger
from chalice import Blueprint

from chalicelib.keys.desk import open_rotation
from chalicelib.settings import KeySettings

blueprint = Blueprint(__name__)
logger = Logger(service="tollgate")


@blueprint.lambda_function(name="keys")
def rotate(_event: dict[str, Any], _context: Any) -> dict[str, list[str]]:
    """Do what is due once; whatever is in the way is raised, and so reaches the dead letters."""
    settings = KeySettings.from_environment()
    said = open_rotation(settings).run()
    logger.info("signing keys", issuer=settings.issuer, said=said)
    return {"said": said}
