"""What an operation answers when it refuses: the error's code in AWS's model, its message and its status."""

from __future__ import annotations


class ControlError(Exception):
    """A refusal; `code` is the name of the error's shape (`NotFoundException`), which boto3 makes an exception of."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
