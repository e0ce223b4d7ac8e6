"""The edge to the terminal: everything that Kinema prints goes through the streams of this module.

They show text from files and names without letting the terminal obey it, they write what the stream's encoding lacks as
escapes, and they never end the work: a closed stderr, a reader that has gone or a full disk is noticed and remembered.
`printed()` installs them in place of `sys.stdout` and `sys.stderr`, which may not exist at all in services.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, TextIO

from kinema.storage.text import json_text, one_line, visible

if TYPE_CHECKING:
    from rich.console import Console


class SafeStream(io.TextIOBase):
    """A text stream over another one that never raises.

    failure: the first error of writing, None so far. From then on everything is dropped. styled: the same stream for
    text that holds deliberate terminal escapes (colours, progress bars); see `console`.
    """

    def __init__(self, base: TextIO | None, *, escapes: bool = True) -> None:
        self._base, self._escapes = base, escapes
        self.failure: OSError | None = None if base is not None else OSError(errno.EBADF, os.strerror(errno.EBADF))
        self.styled = self if not escapes else SafeStream(base, escapes=False)

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return getattr(self._base, "encoding", None) or "utf-8"

    @property
    def failed(self) -> OSError | None:
        """The first error of this stream or its `styled` twin."""
        return self.failure or self.styled.failure

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        try:
            return self._base is not None and self._base.isatty()
        except (OSError, ValueError):
            return False

    def fileno(self) -> int:
        if self._base is None:
            raise io.UnsupportedOperation("fileno")
        return self._base.fileno()

    def write(self, text: str) -> int:
        shown = visible(text) if self._escapes else text
        if not shown.isascii():
            shown = shown.encode(self.encoding, "backslashreplace").decode(self.encoding)
        self._attempt("write", shown)
        return len(text)

    def flush(self) -> None:
        self._attempt("flush")

    def _attempt(self, action: str, *arguments: str) -> None:
        if self.failure is not None or self._base is None:
            return
        try:
            getattr(self._base, action)(*arguments)
        except (OSError, ValueError) as error:  # ValueError: the stream was closed
            self.failure = error if isinstance(error, OSError) else OSError(errno.EBADF, str(error))
            _discard_the_rest(self._base)


def _discard_the_rest(stream: TextIO) -> None:
    """Send what the stream still buffers to the null device, or Python would fail with it on exit."""
    with contextlib.suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(null, stream.fileno())
        finally:
            os.close(null)


@contextlib.contextmanager
def printed() -> Iterator[SafeStream]:
    """Make stdout and stderr safe; yields stdout."""
    _occupy_standard_descriptors()
    before = sys.stdout, sys.stderr
    out, err = SafeStream(sys.stdout), SafeStream(sys.stderr)
    sys.stdout, sys.stderr = out, err
    try:
        yield out
    finally:
        for stream in (out, out.styled, err, err.styled):
            stream.flush()
        sys.stdout, sys.stderr = before


def _occupy_standard_descriptors() -> None:
    """Open the null device for each of stdin, stdout and stderr that is closed.

    The next file opened would get its number otherwise, and what native libraries print would end up in that file.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            with contextlib.suppress(OSError):
                os.open(os.devnull, os.O_RDWR)  # gets the lowest free number


def console(*, stderr: bool = False, **settings: Any) -> Console:
    """A rich console on stdout or stderr that shows text as it is: no markup, no escapes of others."""
    from rich.console import Console
    from rich.text import Text

    class PlainConsole(Console):
        def render_str(self, text: str, **how: Any) -> Text:
            return super().render_str(visible(text), **how)

    stream = sys.stderr if stderr else sys.stdout
    styled = getattr(stream, "styled", stream)
    return PlainConsole(file=styled, markup=False, highlight=False, emoji=False, **settings)


def print_lines(lines: Iterable[str]) -> None:
    """Print each text on one line, whatever line breaks names and sentences from files bring along."""
    for line in lines:
        print(one_line(line))


def print_json(value: Any, *, indent: int | None = 2) -> None:
    """Print `value` as JSON: finite numbers only, and ASCII where stdout is not UTF-8."""
    encoding = (getattr(sys.stdout, "encoding", None) or "utf-8").lower().replace("_", "-")
    print(json_text(value, ascii=encoding not in ("utf-8", "utf8"), indent=indent))
