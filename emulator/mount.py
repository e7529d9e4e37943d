"""Where in the URL the API stands: at the host's root, under a custom domain's base path, or under its stage's name.

Source: "Working with API mappings for REST APIs"; what the event's two paths hold in each case was seen on AWS
(localstack#12295).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mount:
    """`prefix` is empty or `/name`; `by_stage` if that is the stage, as in the API's own URL."""

    prefix: str = ""
    by_stage: bool = False

    def holds(self, path: str) -> bool:
        """Whether a path belongs to the API."""
        return not self.prefix or path == self.prefix or path.startswith(f"{self.prefix}/")

    def within(self, path: str) -> str:
        """The path as the API's resources know it."""
        return path[len(self.prefix) :] or "/" if self.prefix else path

    def told(self, path: str) -> str:
        """The event's `path`: without the stage, but with a base path. `requestContext.path` has both."""
        return self.within(path) if self.by_stage else path

    @property
    def base_path(self) -> str | None:
        """`$context.customDomain.basePathMatched`; None where no custom domain is asked."""
        return None if self.by_stage else self.prefix.removeprefix("/") or "(none)"


ROOT = Mount()
