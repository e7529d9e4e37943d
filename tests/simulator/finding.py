"""A rule that was broken: what every run of the simulator looks for."""


class Finding(Exception):
    """The platform did what it may not do; the text says which promise was broken, and by what."""


def check(holds: object, *broken: object) -> None:
    """Raise a Finding unless the rule holds; the words are put together only then."""
    if not holds:
        raise Finding(" ".join(map(str, broken)))
