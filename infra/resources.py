"""Reads resources.yaml: the names of what a stage stands on, and its alarms."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from string import Template
from typing import Any, Final

import yaml

from chalicelib.store.port import Table

FILE: Final = Path(__file__).parent / "resources.yaml"

LOCAL_STAGE: Final = "local"


@dataclass(frozen=True, slots=True)
class Stream:
    """A function behind a table's stream; `only` is a filter pattern as Lambda's FilterCriteria has it."""

    function: str
    table: str
    only: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm: rings when `statistic` of the metric is `above` or `below` a number `times` times in a row.

    `missing` is CloudWatch's TreatMissingData.
    """

    says: str
    namespace: str
    metric: str
    dimensions: Mapping[str, str]
    statistic: str
    seconds: int
    above: int | None = None
    below: int | None = None
    times: int = 1
    missing: str = "notBreaching"

    def __post_init__(self) -> None:
        """Refuse one that could ring both ways, or not at all."""
        if (self.above is None) == (self.below is None):
            raise ValueError(f"an alarm is above or below a number, not both: {self.says}")


@dataclass(frozen=True, slots=True)
class Resources:
    """The names of one stage; `tables` by the names the store's port uses, `schedules` by function."""

    stage: str
    tables: Mapping[str, str]
    signing_key: str
    pepper: str
    dead_letters: str
    api_log: str
    log_days: int
    issuer_bucket: str
    alarm_topic: str
    streams: tuple[Stream, ...] = ()
    schedules: Mapping[str, str] = field(default_factory=dict)
    alarms: Mapping[str, Alarm] = field(default_factory=dict)

    @property
    def table_names(self) -> dict[Table, str]:
        """Return the tables as the store's clients take them."""
        return {
            "commits": self.tables["commits"],
            "ledger": self.tables["ledger"],
            "projections": self.tables["projections"],
            "clients": self.tables["clients"],
        }

    def issuer_bucket_of(self, account: str) -> str:
        """The bucket of the issuer's documents in an account."""
        return f"{self.issuer_bucket}-{account}"

    @property
    def streamed(self) -> frozenset[str]:
        """The tables that somebody follows, by the names that they have in AWS."""
        return frozenset(self.tables[stream.table] for stream in self.streams)

    @property
    def keeps_money(self) -> bool:
        """Tell whether losing a table would be more than a nuisance: everywhere but on a laptop."""
        return self.stage != LOCAL_STAGE


def read_resources(stage: str, file: Path = FILE) -> Resources:
    """Return the resources of a stage.

    KeyError for a name in braces that is not `stage`, ValueError for a restored table that the platform does not have.
    """
    return _read(stage, file.read_text())


@cache  # a deployment asks for each function, and reading takes 40 ms
def _read(stage: str, text: str) -> Resources:
    tree: dict[str, Any] = yaml.safe_load(Template(text).substitute(stage=stage))
    restored: dict[str, str] = tree.pop("restored").get(stage, {})
    if restored.keys() - tree["tables"].keys():
        raise ValueError(f"infra/resources.yaml: restored tables are some of {', '.join(tree['tables'])}")
    tree["tables"] |= restored
    tree["streams"] = tuple(Stream(**row) for row in tree["streams"])
    tree["alarms"] = {name: Alarm(**_watching(row, tree["tables"])) for name, row in tree["alarms"].items()}
    return Resources(stage, **tree)


def _watching(row: dict[str, Any], tables: Mapping[str, str]) -> dict[str, Any]:
    watched = {name: tables[value] if name == "TableName" else value for name, value in row["dimensions"].items()}
    return {**row, "dimensions": watched}
