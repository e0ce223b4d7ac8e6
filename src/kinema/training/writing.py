"""Checks before the first epoch that a training can write to its folder."""

from __future__ import annotations

import tempfile
from pathlib import Path

from kinema.errors import OutputError
from kinema.storage.atomic import explain_write_error


def require_writable(folder: Path) -> None:
    """Raise OutputError unless files can be written to the folder, which is created if needed."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise explain_write_error(error, folder / "state.pt") or OutputError(
            f"cannot write to {folder}: {error.strerror or error}; choose another folder with `out`"
        ) from error
