"""A step of a deployment: idempotent, and the judge of its own result."""

from typing import Protocol


class Step(Protocol):
    """What `make deploy` does one after another, and `make destroy` takes away in the opposite order."""

    @property
    def name(self) -> str:
        """The step in a word or two, as it is printed."""
        ...

    def differences(self) -> list[str]:
        """Compare what is there with the definitions: a sentence for each difference, none when they are equal.

        It changes nothing. Before `apply` the sentences are the plan, after it they are an error.
        """
        ...

    def apply(self) -> None:
        """Make it equal. It may be cut off anywhere and called again."""
        ...

    def destroy(self) -> list[str]:
        """Take away what the step has made, and say what was taken away and what stays; nothing there is no fault."""
        ...
