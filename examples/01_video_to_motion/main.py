"""A video in, a Motion out, and what is in it.

python examples/01_video_to_motion/main.py clip.mp4 [FOLDER]

The motion is written to FOLDER, by default the current one.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import kinema


def main(video: str, folder: str = ".") -> None:
    motion = kinema.estimate(video)

    print(f"{motion.num_frames} frames, {motion.fps:.1f} frames a second, {len(motion.people)} people")
    for person in motion:
        # Each field is an array whose first axis is the person's own frames; `frames` says which of the clip's.
        seconds = motion.times[person.frames]
        print(f"person {person.id}: from {seconds[0]:.2f} s to {seconds[-1]:.2f} s")

        # SMPL parameters in the camera's frame (x right, y down, z forward; metres, axis-angle in radians).
        print("  pose", person.pose.shape, "betas", person.betas.shape, "transl", person.transl.shape)

        # The same motion in a world whose y points up and whose ground is y = 0; None if the camera moves.
        if person.joints_world is not None:
            path = person.joints_world[:, 0, [0, 2]]
            walked = np.linalg.norm(np.diff(path, axis=0), axis=1).sum()
            standing = int(person.contacts[:, 0].sum())
            print(f"  the pelvis travelled {walked:.2f} m; left heel on the ground in {standing} frames")

    for stage in motion.provenance:
        print("done:", stage.name, stage.version)

    if motion.people:
        target = Path(folder) / Path(video).stem
        print("wrote", motion.save(f"{target}.pkl"))  # opens with pickle.load, without Kinema
        print("wrote", motion.save(f"{target}.npz"))  # opens in Blender's SMPL add-ons


if __name__ == "__main__":
    main(*sys.argv[1:3])
