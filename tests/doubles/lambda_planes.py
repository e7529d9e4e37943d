"""Lambda's and EventBridge's planes without processes: functions answer with who they are, sources are only noted."""

from __future__ import annotations

import asyncio
import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from emulator.clock import Clock
from emulator.control.functions.code import Code
from emulator.control.functions.plane import Lambda
from emulator.control.functions.roster import Machine, Roster
from emulator.control.functions.rules import Rules
from emulator.control.kept import Kept
from emulator.control.operation import Members, Plane
from emulator.lambdas.config import FunctionConfig, Outcome
from emulator.lambdas.event_sources import Source
from emulator.lambdas.followers import Followers
from emulator.lambdas.functions import DeployedFunctions
from emulator.lambdas.pool import Pool
from tests.doubles.control_planes import Checked
from tests.doubles.gateway import ACCOUNT, HandClock

PLACE = ("us-east-1", ACCOUNT)
ARN = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:"
QUEUE = f"arn:aws:sqs:us-east-1:{ACCOUNT}:letters"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/any"
HANDLER = "def handle(event, context):\n    return {word!r}\n"


def zipped(files: Mapping[str, str | bytes]) -> bytes:
    """A zip of these files, the same bytes for the same files."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, text, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def package(word: str = "hello") -> bytes:
    """A zip whose `entry.handle` answers a word."""
    return zipped({"entry.py": HANDLER.format(word=word)})


def settings(name: str = "f", word: str = "hello", **more: Any) -> Members:
    """What CreateFunction is asked for."""
    made = {"FunctionName": name, "Runtime": "python3.11", "Role": ROLE, "Handler": "entry.handle"}
    return {**made, "Code": {"ZipFile": package(word)}, **more}


class StillPool(Pool):
    """Starts nothing; answers with the key and the settings it would run."""

    def warm(self) -> None:
        return

    async def invoke(self, request_id: str, payload: bytes, trace_id: str) -> Outcome:
        del request_id, payload, trace_id
        return Outcome(orjson.dumps(self.config.key))


class StillFunctions(DeployedFunctions):
    """Functions that come and go, and no process for any of them."""

    async def put(self, key: str, config: FunctionConfig) -> None:
        self.drop(key)
        self.pools[key] = StillPool(config, self._clock)

    async def answer(self, name: str) -> str:
        """Which version an event went to."""
        outcome = await self.invoke(name, b"{}", request_id="r")
        key: str = orjson.loads(outcome.payload)
        return key


class StillFollowers(Followers):
    """Notes what is followed."""

    def __post_init__(self) -> None:
        Followers.__post_init__(self)
        self.followed: dict[str, Source] = {}
        self.changes: list[str] = []

    def add(self, key: str, source: Source) -> None:
        self.followed[key] = source
        self.changes.append(f"+{key}")

    async def drop(self, key: str) -> None:
        if self.followed.pop(key, None) is not None:
            self.changes.append(f"-{key}")


@dataclass
class Lambdas:
    """The planes in a folder, and what they run."""

    folder: Path
    time: HandClock = field(default_factory=HandClock)
    environment: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        clock, kept = self.time.clock(), Kept(self.folder / "deployed")
        self.functions = StillFunctions(Clock())
        self.followers = StillFollowers([], self.functions, self.folder, clock, *PLACE)
        machine = Machine(*PLACE, self.environment)
        self.roster = Roster(kept, Code(kept.folder / "code"), self.functions, machine, clock)
        self.plane = Lambda(self.roster, self.followers)
        self.rules = Rules(kept, self.followers, *PLACE)
        asyncio.run(self._restore())

    async def _restore(self) -> None:
        await self.plane.restore()
        await self.rules.restore()

    def do(self, operation: str, **asked: Any) -> Members:
        """An operation of Lambda's without the wire, its answer checked all the same."""
        return _done(self.plane, operation, asked)

    def rule(self, operation: str, **asked: Any) -> Members:
        """An operation of EventBridge's, likewise."""
        return _done(self.rules, operation, asked)

    def function(self, name: str = "f", word: str = "hello", **more: Any) -> Members:
        """A new function."""
        return self.do("CreateFunction", **settings(name, word, **more))

    def publish(self, word: str | None = None, name: str = "f") -> str:
        """The number of a version, of new code if there is a word for it."""
        if word is not None:
            self.do("UpdateFunctionCode", FunctionName=name, ZipFile=package(word))
        version: str = self.do("PublishVersion", FunctionName=name)["Version"]
        return version

    def answer(self, name: str) -> str:
        """Which version runs for a name."""
        return asyncio.run(self.functions.answer(name))

    def code(self) -> set[Path]:
        """The folders of code."""
        folder = self.roster.code.folder
        return set(folder.iterdir()) if folder.exists() else set()


def _done(plane: Plane, operation: str, asked: Members) -> Members:
    answer: Members = asyncio.run(_call(plane, operation, asked))
    return answer


async def _call(plane: Plane, operation: str, asked: Members) -> Members:
    return await Checked(plane).operations[operation](asked)
