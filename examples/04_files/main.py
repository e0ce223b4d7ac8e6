"""Load a motion file of any format, check it, repair it, and export it for animation programs.

python examples/04_files/main.py smpl_output.pkl [frames per second, if the file does not hold them]
"""

from __future__ import annotations

import sys
from pathlib import Path

import kinema


def main(path: str, fps: float | None = None) -> None:
    motion = kinema.load(path, fps=fps)
    print(motion)
    for note in motion.data.get("notes", ()):  # what the reader assumed, converted and left out
        print("note:", note)

    print("before:", kinema.validate(motion).verdict)
    stable = kinema.stabilize(motion)
    print("after: ", kinema.validate(stable).verdict)

    folder = Path(path).parent
    for name in ("stable.npz", "stable.bvh", "stable.glb"):
        report = kinema.export(stable, folder / name)
        print("wrote", *(written.name for written in report.paths))
        for note in report.notes:
            print("  ", note)


if __name__ == "__main__":
    main(sys.argv[1], *map(float, sys.argv[2:]))
