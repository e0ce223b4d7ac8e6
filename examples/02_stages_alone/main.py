"""Stages are functions from Motion to Motion: load a result, smooth it more, place it in the world again, save it.

python examples/02_stages_alone/main.py smpl_output.pkl
"""

from __future__ import annotations

import sys
from pathlib import Path

from kinema import Motion
from kinema.body import load_body
from kinema.refinement import FilterOptions, filter_motion
from kinema.world import place_in_world


def main(result: str) -> None:
    motion = Motion.load(result)
    body = load_body()  # the free body; load_body("SMPL_NEUTRAL.pkl") for your own

    motion = filter_motion(motion, body, FilterOptions(method="gaussian", strength=0.8))
    for person in motion:
        before, after = (person.data["smoothing"][when]["jitter"] for when in ("before", "after"))
        print(f"person {person.id}: jitter {before:.0f} > {after:.0f} m/s3")

    motion = place_in_world(motion, body)

    path = Path(result)
    print("wrote", motion.save(path.with_name(f"{path.stem}_smoother.pkl")))
    for stage in motion.provenance:
        print("done:", stage.name)


if __name__ == "__main__":
    main(sys.argv[1])
