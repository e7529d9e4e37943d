"""One release as a process: `python -m tests.doubles.release_process RELEASE SEED`, a line of JSON in, one out.

Nothing of the platform is imported before the release has been planted, for a room keeps what it has imported.
"""

import json
import sys
from importlib import import_module

from tests.doubles.release_shapes import plant


def main(release: str, seed: int) -> None:
    """Answer each line until there are no more; what functions log goes to the error stream."""
    answers, sys.stdout = sys.stdout, sys.stderr
    plant(release)
    desk = import_module("tests.doubles.release_desk").open_desk(seed)
    for line in sys.stdin:
        asked = json.loads(line)
        answers.write(json.dumps(getattr(desk, asked.pop("do"))(**asked)) + "\n")
        answers.flush()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
