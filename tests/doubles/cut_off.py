"""A process that ends in the middle of what it does to AWS."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.doubles.deploy_ground import Ground


class Cut(BaseException):
    """The process ended: nothing catches this."""


@contextmanager
def cut_off(ground: Ground, operation: str, calls: int) -> Iterator[None]:
    """Let so many calls of an operation through (of all changes, for an empty name), and end at the next one."""
    left = calls

    def note(model: Any, **_more: Any) -> None:
        nonlocal left
        mine = model.name == operation if operation else not model.name.startswith(("Get", "List", "Describe"))
        if mine:
            if not left:
                raise Cut(model.name)
            left -= 1

    with ground.hearing(note):
        yield
