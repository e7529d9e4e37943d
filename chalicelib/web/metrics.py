"""What is counted for alarms: one line of CloudWatch's embedded metric format on standard output per reading.

Not Powertools' Metrics: they gather readings until a decorated handler returns and date them by themselves, and here a
reading is written where it is found, as of an instant that is an argument. Source: CloudWatch user guide,
"Specification: Embedded metric format".
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import orjson

NAMESPACE: Final = "Tollgate"
DIMENSION: Final = "stage"


def _write_out(line: str) -> None:
    """One write with its line end: what other threads print does not come between."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


@dataclass(frozen=True, slots=True)
class Metrics:
    """Readings of one stage; `write` takes each as a line of JSON."""

    stage: str
    write: Callable[[str], None] = _write_out

    def count(self, name: str, number: int, now_at: int) -> None:
        """Tell how many there were, as of `now_at` (ms since the epoch, by the machine's clock)."""
        directive: dict[str, Any] = {
            "Namespace": NAMESPACE,
            "Dimensions": [[DIMENSION]],
            "Metrics": [{"Name": name, "Unit": "Count"}],
        }
        reading = {"_aws": {"Timestamp": now_at, "CloudWatchMetrics": [directive]}, DIMENSION: self.stage, name: number}
        self.write(orjson.dumps(reading).decode())
