"""Which body: the free one, or the user's file."""

from __future__ import annotations

from pathlib import Path

from kinema.body.free import free_body, free_body_sha256
from kinema.body.model import BodyModel
from kinema.motion import BODY_SHA256, Motion

EARLIER_BODY = (
    "its shapes are those of an earlier free body, so bodies come out slightly different from those that were fitted;"
    " run it again, or fit today's body with `kinema refine --method track-fit`"
)


def other_version(motion: Motion) -> str | None:
    """A warning if the motion's shapes were fitted with an earlier free body, else None."""
    sha256 = motion.data.get(BODY_SHA256) if motion.body_model == "free" else None
    return EARLIER_BODY if isinstance(sha256, str) and sha256 != free_body_sha256() else None


def load_body(path: str | Path | None = None) -> BodyModel:
    """The free body (None), or the SMPL model in a `.pkl` or `.npz` file.

    Raises InputError for a file that is missing or malformed, UnsafeFileError for one that would execute code.
    """
    if path is None:
        return free_body()
    from kinema.body.reading import read_smpl

    return read_smpl(Path(path))


def body_of(motion: Motion, body: BodyModel | None = None) -> BodyModel | None:
    """The body that a motion's poses belong to: `body` if given, the free body if the motion was fitted with it.

    None for any other body: a licensed one must be passed in.
    """
    return free_body() if body is None and motion.body_model == "free" else body
