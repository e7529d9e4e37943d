"""Integration responses: which of a definition's answers is given to what the integration said."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from emulator.definition import MappedResponse
from emulator.gateway.errors import Refusal
from emulator.gateway.respond import Rendering
from emulator.gateway.variables import Variables


@dataclass(frozen=True, slots=True)
class MappedResponses:
    """The answers with their patterns, compiled; one without is for what no pattern matches."""

    renderings: tuple[tuple[re.Pattern[str] | None, Rendering], ...]

    @classmethod
    def of(cls, responses: Iterable[MappedResponse], variables: Variables) -> MappedResponses:
        return cls(
            tuple(
                (response.pattern, Rendering.of(response.status, response.headers, response.templates, variables))
                for response in responses
            )
        )

    def chosen(self, status: str) -> Rendering:
        """The first whose pattern matches the whole status, else the default one.

        Refuses with API_CONFIGURATION_ERROR (500) where the definition gives no answer, as AWS does.
        """
        default = None
        for pattern, rendering in self.renderings:
            if pattern is None:
                default = rendering
            elif pattern.fullmatch(status):
                return rendering
        if default is None:
            raise Refusal("API_CONFIGURATION_ERROR")
        return default
