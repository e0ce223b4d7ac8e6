"""Named refinement presets."""

from __future__ import annotations

import dataclasses

from kinema.errors import UsageError
from kinema.motion import Motion
from kinema.refinement.networks import refine_people
from kinema.refinement.options import StabilizeOptions, Video2PklOptions
from kinema.refinement.stabilizing import stabilize_people
from kinema.stage import Context


def refine_as_video2pkl(motion: Motion, context: Context, options: Video2PklOptions) -> Motion:
    """Refine as video2pkl does, without its faults. Raises the errors of `refine_people`."""
    if context.body is None:
        raise UsageError("video2pkl fits the pose to the joints and needs a body model; give one")
    refined = refine_people(motion, context, options.network())
    if not options.stabilize:
        return refined
    inner = dataclasses.replace(context, facts={})
    stable = stabilize_people(refined, inner, StabilizeOptions())
    context.facts["stabilize"] = inner.facts["people"]
    return stable
