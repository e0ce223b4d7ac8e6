"""Named recipes of refinement."""

from __future__ import annotations

import dataclasses

from kinema.errors import UsageError
from kinema.motion import Motion
from kinema.refinement.networks import refine_people
from kinema.refinement.options import StabilizeOptions, Video2PklOptions
from kinema.refinement.stabilizing import stabilize_people
from kinema.stage import Context


def refine_as_video2pkl(motion: Motion, context: Context, options: Video2PklOptions) -> Motion:
    """Refine as the video-to-PKL pipeline does, without its faults. Raises what `refine_people` raises."""
    if context.body is None:
        raise UsageError("video2pkl brings the pose into agreement with the joints and needs a body model")
    refined = refine_people(motion, context, options.network())
    if not options.stabilize:
        return refined
    step = dataclasses.replace(context, facts={})
    stable = stabilize_people(refined, step, StabilizeOptions())
    context.facts["stabilize"] = step.facts["people"]
    return stable
