"""Run a program with further arguments from the variable ARGS, for the Makefile.

python tools/with_args.py PROGRAM [ARGUMENT...]

ARGS is split into words as a shell would (quotes and backslashes), and nothing in it is expanded or executed.
"""

from __future__ import annotations

import os
import shlex
import sys


def main() -> None:
    try:
        words = shlex.split(os.environ.pop("ARGS", ""))
    except ValueError as error:
        print(f"ARGS cannot be split into words ({str(error).lower()}); close the quotes", file=sys.stderr)
        sys.exit(2)
    program = sys.argv[1:] + words
    os.execv(program[0], program)


if __name__ == "__main__":
    main()
