"""The program `kinema`, and `python -m kinema`: takes care of Ctrl-C, then imports the command line and runs it."""

from __future__ import annotations

import sys

from kinema._interrupt import take_over

TYPE_CHECKING = False  # as in kinema/__init__.py
if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv`; None: the process's own, whose Ctrl-C is answered from here on. Returns the exit
    code."""
    if argv is None:
        take_over()
        argv = sys.argv[1:]
    from kinema.commands._dispatcher import dispatch

    return dispatch(argv)


if __name__ == "__main__":
    sys.exit(main())
