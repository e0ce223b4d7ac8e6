"""Errors for the user: one sentence that says what is wrong, with what, and what to do."""

from __future__ import annotations


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
