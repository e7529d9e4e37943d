"""What one run consists of: its time, its chance, its weather, its tables, and the trace of it all."""

from collections import Counter
from collections.abc import Callable
from random import Random

from tests.doubles.time_and_chance import START_AT
from tests.simulator.database import Applied, Database
from tests.simulator.scheduler import Scheduler
from tests.simulator.trace import Trace
from tests.simulator.weather import CALM, Weather


class World:
    """Everything that is drawn is drawn from `chance`, in the order of the queue: a seed is a whole run."""

    def __init__(self, seed: int, watch: Callable[[Applied], None]) -> None:
        self.scheduler = Scheduler()
        self.chance = Random(seed)
        self.trace = Trace()
        self.database = Database(now_us=self.now_us, watch=watch)
        self.weather: Weather = CALM
        self.troubles: Counter[str] = Counter()

    def now_us(self) -> int:
        return self.scheduler.now_us

    def now_at(self) -> int:
        """Return true time, in ms since the epoch; no environment has it."""
        return START_AT + self.scheduler.now_us // 1_000

    def happens(self, rate: float) -> bool:
        """Draw whether something of this rate happens; what never happens draws nothing."""
        return rate > 0 and self.chance.random() < rate

    def meets(self, trouble: str) -> bool:
        """Draw whether a trouble of the weather comes now, and count it."""
        if not self.happens(getattr(self.weather, trouble)):
            return False
        self.troubles[trouble] += 1
        return True

    def note(self, *words: object) -> None:
        self.trace.note(self.scheduler.now_us, *words)
