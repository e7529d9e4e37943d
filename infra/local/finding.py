"""What goes wrong on a developer's machine and is said in one line, without a traceback."""


class Finding(Exception):
    """The text is written for whoever started the command: what is wrong, and what to do."""
