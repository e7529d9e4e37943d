"""What the test clock looks like on the wire."""

from typing import Annotated

from pydantic import Field, StrictInt

from chalicelib.kernel.clock import DAY_SECONDS
from chalicelib.web.validate import Body

LONGEST_STEP_SECONDS = 400 * DAY_SECONDS


class AdvanceClock(Body):
    """How far to move on from the clock's present time, in seconds."""

    advance_seconds: Annotated[StrictInt, Field(ge=1, le=LONGEST_STEP_SECONDS)]
