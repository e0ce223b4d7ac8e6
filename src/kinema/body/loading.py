"""Which body: the free one, or the user's file."""

from __future__ import annotations

from pathlib import Path

from kinema.body.free import free_body
from kinema.body.model import BodyModel


def load_body(path: str | Path | None = None) -> BodyModel:
    """The free body (None), or the SMPL model in a `.pkl` or `.npz` file.

    Raises InputError for a file that is missing or malformed, UnsafeFileError for one that asks for code
    to be run.
    """
    if path is None:
        return free_body()
    from kinema.body.reading import read_smpl

    return read_smpl(Path(path))
