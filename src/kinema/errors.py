"""Errors that a person reads: one sentence that says what is wrong, with what, and what to do."""

from __future__ import annotations


class KinemaError(Exception):
    """Base of every error that Kinema raises on purpose. `exit_code` is what the command returns."""

    exit_code = 3


class UsageError(KinemaError):
    """The call asks for something that makes no sense (an unknown format, a negative limit)."""

    exit_code = 2


class InputError(KinemaError):
    """What the user gave cannot be used: unreadable video, nobody in it, malformed file."""

    exit_code = 3


class ShapeError(InputError, ValueError):
    """A field of a value does not have the shape, type or range that it must have."""


class WeightsError(KinemaError):
    """Weights are missing, damaged, refused or cannot be fetched."""

    exit_code = 3


class UnsafeFileError(InputError):
    """A file asks for code to be run on load; it was not run."""


class OutputError(KinemaError):
    """Results cannot be written: disk full, folder not writable, another run holds it."""

    exit_code = 3
