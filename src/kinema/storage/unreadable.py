"""The error for a file that cannot be opened: the same sentence for every format."""

from __future__ import annotations

from pathlib import Path

from kinema.errors import InputError


def unreadable(path: str | Path, error: OSError) -> InputError:
    """The error to raise for a file that cannot be read. error: the system's."""
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        return InputError(f"{path} does not exist; check the path")
    if isinstance(error, IsADirectoryError):
        return InputError(f"{path} is a folder; give a file in it")
    if isinstance(error, PermissionError):
        return InputError(f"{path} cannot be read: permission denied; change its permissions or copy it")
    return InputError(f"{path} cannot be read ({error.strerror or error}); copy it to another disk and try again")
