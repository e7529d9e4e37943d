"""Where the concrete things are chosen: the only room that knows both the settings and the clients."""

from chalicelib.kernel.clock import SystemClock
from chalicelib.kernel.ids import SystemChance
from chalicelib.settings import Settings
from chalicelib.store.dynamo import Boto3Dynamo, LeanDynamo
from chalicelib.store.port import Dynamo
from chalicelib.web.call import Bench
from chalicelib.web.metrics import Metrics


def open_bench() -> Bench:
    """Open what the operations of a money room work with, from the environment's settings."""
    settings = Settings.from_environment()
    return Bench(open_dynamo(settings), SystemClock(), SystemChance(), Metrics(settings.stage))


def open_dynamo(settings: Settings) -> Dynamo:
    """Open the ledger's client: our lean one, or boto3's where the setting says so."""
    tables = settings.table_names()
    return LeanDynamo(tables) if settings.dynamo_client == "lean" else Boto3Dynamo(tables)
