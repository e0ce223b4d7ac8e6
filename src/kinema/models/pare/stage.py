"""The stage `regress`: PARE on tracked people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from kinema.models.pare.options import PareOptions
from kinema.stage import Stage

if TYPE_CHECKING:
    from kinema.video import VideoReader


def _checkpoint(options: PareOptions) -> Mapping[str, str]:
    from kinema.models.pare.release import PareRelease
    from kinema.models.pare.torch_run import require_torch
    from kinema.weights.cache import known_sha256

    require_torch()
    path = PareRelease().checkpoint(options.checkpoint)
    return {path.name: known_sha256(path)}


def _check(video: VideoReader, options: PareOptions) -> None:
    """Refuse an unusable checkpoint before people are tracked, which may take hours."""
    from kinema.models.pare.network import load_pare
    from kinema.models.pare.release import PareRelease
    from kinema.storage.checkpoints import load_torch_checkpoint

    path = PareRelease().checkpoint(options.checkpoint)
    load_pare(load_torch_checkpoint(path), str(path))


regress_people = Stage(
    name="regress",
    title="regressing poses",
    options=PareOptions,
    run="kinema.models.pare.regression:regress",
    fills=("pose", "betas", "transl", "joints", "camera"),
    files=_checkpoint,
    check=_check,
    body=True,
    video=True,
    slow=True,
)
