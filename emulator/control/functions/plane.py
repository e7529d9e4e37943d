"""Lambda's control plane put together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from emulator.control.functions.aliases import Aliases
from emulator.control.functions.deployed import Deployed
from emulator.control.functions.invoking import Invoking
from emulator.control.functions.mappings import Mappings
from emulator.control.functions.permissions import Permissions
from emulator.control.functions.roster import Roster
from emulator.control.functions.tags import Tags
from emulator.control.operation import Operation
from emulator.lambdas.followers import Followers


@dataclass(frozen=True, slots=True)
class Lambda:
    """The plane; Invoke itself is answered by `emulator/lambdas/invoke_api.py`."""

    roster: Roster
    followers: Followers
    permissions: Permissions = field(init=False)
    operations: Mapping[str, Operation] = field(init=False)
    _mappings: Mappings = field(init=False)
    name: str = "lambda"

    def __post_init__(self) -> None:
        """Put the operations together; nothing runs before `restore`."""
        mappings, permissions = Mappings(self.roster, self.followers), Permissions(self.roster)
        roster = self.roster
        rooms = (Deployed(roster), Aliases(roster), Invoking(roster), Tags(roster), permissions, mappings)
        object.__setattr__(self, "_mappings", mappings)
        object.__setattr__(self, "permissions", permissions)
        object.__setattr__(self, "operations", {k: one for room in rooms for k, one in room.operations().items()})

    async def restore(self) -> None:
        """Run and follow again what was deployed before."""
        await self.roster.restore()
        await self._mappings.restore()
