"""Errors for the user: one sentence that says what is wrong, with what, and what to do."""

from __future__ import annotations

import reprlib


class KinemaError(Exception):
    """Base of every error that Kinema raises deliberately. `exit_code` is what the command returns."""

    exit_code = 3


class UsageError(KinemaError):
    """The call is invalid (an unknown format, a negative limit)."""

    exit_code = 2


class InputError(KinemaError):
    """The input cannot be used: unreadable video, nobody in it, malformed file."""

    exit_code = 3


class ShapeError(InputError, ValueError):
    """A field has the wrong shape, type or range."""


class WeightsError(KinemaError):
    """Weights are missing, corrupt, refused or cannot be fetched."""

    exit_code = 3


class UnsafeFileError(InputError):
    """A file would run code when loaded; it was not run."""


class OutputError(KinemaError):
    """Results cannot be written: disk full, folder not writable, locked by another run."""

    exit_code = 3


def plural(count: int, noun: str) -> str:
    """`count` with the noun in the right number: 1 frame, 2 frames."""
    return f"{count} {noun}" + ("" if count == 1 else "s")


def quoted(value: object, most: int = 60, *, mark: str = "'") -> str:
    """A value from a file as part of a message: in quotes, at most about `most` characters, nothing a terminal obeys.

    mark: the quotation mark, none for what is quoted already.
    """
    if isinstance(value, bytes):
        value = value[: most + 1].decode("utf-8", "replace")
    if not isinstance(value, str):
        value, mark = _short.repr(value), ""
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in value[: most + 1])
    return f"{mark}{text if len(text) <= most else text[: most - 1] + '…'}{mark}"


_short = reprlib.Repr()
_short.maxother = _short.maxlong = _short.maxstring = 60
