"""The stage `regress`: PARE on tracked people."""

from __future__ import annotations

from collections.abc import Mapping

from kinema.models.pare.options import PareOptions
from kinema.stage import Stage


def _checkpoint(options: PareOptions) -> Mapping[str, str]:
    from kinema.models.pare.release import PareRelease
    from kinema.models.pare.torch_run import require_torch
    from kinema.weights.cache import known_sha256

    require_torch()
    path = PareRelease().checkpoint(options.checkpoint)
    return {path.name: known_sha256(path)}


regress_people = Stage(
    name="regress",
    title="regressing poses",
    options=PareOptions,
    run="kinema.models.pare.regression:regress",
    fills=("pose", "betas", "transl", "joints", "camera"),
    files=_checkpoint,
    body=True,
    video=True,
    slow=True,
)
