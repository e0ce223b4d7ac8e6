"""A refiner of your own: one file and one row. Afterwards `kinema.refine` and the command line know it.

python examples/03_add_a_refiner/main.py smpl_output.pkl
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import kinema
from kinema.__main__ import main as command_line
from kinema.options import require, setting
from kinema.refinement import REFINERS, Refiner
from kinema.stage import Context, Stage


@dataclass(frozen=True)
class ShapeOptions:
    """How much of the estimated shape is kept."""

    keep: float = setting(0.5, "share of the estimated shape that is kept, 0 to 1")

    def __post_init__(self) -> None:
        require(0 <= self.keep <= 1, "keep", "lie between 0 and 1", self.keep)


def average_shape(motion: kinema.Motion, context: Context, options: ShapeOptions) -> kinema.Motion:
    """Everybody's shape moved towards that of the average person; the pelvis stays where it is."""
    body = context.body
    assert body is not None  # the row says `body=True`
    people = []
    for person in motion:
        pose, betas, transl = person.require("pose", "betas", "transl")
        changed = options.keep * betas
        before, after = body.joints(pose, betas, transl), body.joints(pose, changed, transl)
        transl = transl + before[:, 0] - after[:, 0]
        people.append(
            person.replace(
                betas=changed, transl=transl, joints=body.joints(pose, changed, transl),
                pose_world=None, transl_world=None, joints_world=None,
            )
        )  # fmt: skip
    context.facts["people"] = len(people)
    return motion.replace(people=tuple(people))


REFINER = Refiner(
    "average-shape",
    "the shape moved towards the average",
    Stage(
        name="average-shape", title="averaging the shape", options=ShapeOptions, run=average_shape, body=True,
        requires=("pose", "betas", "transl"), fills=("betas", "transl", "joints"),
        clears=("pose_world", "transl_world", "joints_world"),
    ),
)  # fmt: skip
# In a package of its own, an entry point takes the place of this line (see examples/README.md).
REFINERS.register(REFINER)


def main(result: str) -> int:
    motion = kinema.load(result)
    refined = kinema.refine(motion, "average-shape", keep=0.2)
    for before, after in zip(motion, refined, strict=True):
        print(f"person {before.id}: first shape component {before.betas[0, 0]:.2f} > {after.betas[0, 0]:.2f}")
    print("recorded:", refined.provenance[-1].name, dict(refined.provenance[-1].arguments))

    out = Path(result).with_name(f"{Path(result).stem}_average.pkl")
    return command_line(["refine", result, "--method", "average-shape", "--out", str(out)])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
