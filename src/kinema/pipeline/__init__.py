"""The main job: a video in, motion out. Chains the stages and resumes interrupted runs.

`estimate` returns the motion and writes nothing; `run` writes a run's folder, as `kinema run` does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kinema._wiring import late

if TYPE_CHECKING:
    from kinema.pipeline.estimating import estimate as estimate
    from kinema.pipeline.options import RunOptions as RunOptions
    from kinema.pipeline.running import RunResult as RunResult
    from kinema.pipeline.running import require_runnable as require_runnable
    from kinema.pipeline.running import run as run
    from kinema.pipeline.watching import RunWatcher as RunWatcher

__all__ = ["RunOptions", "RunResult", "RunWatcher", "estimate", "require_runnable", "run"]
__getattr__ = late(
    __name__,
    {
        "estimate": "kinema.pipeline.estimating",
        "RunOptions": "kinema.pipeline.options",
        "RunResult": "kinema.pipeline.running",
        "require_runnable": "kinema.pipeline.running",
        "run": "kinema.pipeline.running",
        "RunWatcher": "kinema.pipeline.watching",
    },
)
