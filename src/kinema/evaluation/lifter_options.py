"""Settings of the evaluation of lifters."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kinema.errors import UsageError
from kinema.lifting.options import OWN, LiftOptions
from kinema.options import require, same_as, setting

DATASETS = ("h36m", "3dhp", "humaneva")


def names_in(text: str | None) -> tuple[str, ...] | None:
    """The names in "S9,S11", None for None. Raises UsageError if there are none."""
    if text is None:
        return None
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not names:
        raise UsageError("names separated by commas are expected, as in S9,S11")
    return names


@dataclass(frozen=True)
class LifterEvaluationOptions:
    """What is evaluated, and how.

    dataset: the layout. keypoints: NAME of data_2d_DATASET_NAME.npz. subjects, actions: restrict the data. cameras: of
    other data in Human3.6M's layout. stride: frames of the data per frame of the network; by default as its authors
    evaluate. unit: of the lifter's output. flip: average with the lifted mirror image.
    """

    dataset: str = setting("h36m", "the layout of the data", public=True, choices=DATASETS)
    keypoints: str | None = setting(
        None, "which 2D keypoints: NAME of data_2d_..._NAME.npz (default: the only one)", public=True, metavar="NAME"
    )
    subjects: str | None = setting(
        None, "only these, such as S9,S11; for 3dhp, sequences (default: the authors' test set)", public=True,
        metavar="NAMES",
    )  # fmt: skip
    actions: str | None = setting(
        None, "only actions with these prefixes, as in Walk,Eat (default: all; humaneva: Walk,Jog,Box)", public=True,
        metavar="NAMES",
    )  # fmt: skip
    cameras: Path | None = setting(
        None, "JSON file of the cameras of other data in Human3.6M's layout", public=True, metavar="FILE"
    )
    downsample: int = setting(1, "evaluate every Nth frame", public=True, metavar="N")
    stride: int | None = setting(
        None, "frames of the data per frame of the network (default: as its authors evaluate)", public=True, metavar="N"
    )
    unit: str | None = setting(
        None, "of the lifter's output (default: as its authors': mm for 3dhp, else m)", public=True,
        choices=("m", "mm"),
    )  # fmt: skip
    flip: bool = setting(True, "do not average with the lifted mirror image", public=True, off=True)
    lifter: str | None = setting(
        None, "the published lifter: videopose3d or pstmo", public=True, metavar="NAME", group="lifting"
    )
    checkpoint: Path | None = same_as(LiftOptions, "checkpoint", default=None, aliases=("lifter-weights",))
    refine: Path | None = setting(
        None, "P-STMO's refine checkpoint, which corrects lifted poses if camera and root depth are known (h36m)",
        public="lifter_refine", metavar="FILE", group="lifting",
    )  # fmt: skip
    causal: bool = same_as(LiftOptions, "causal", default=False)
    threads: int = setting(2, "threads of the network", public=True, metavar="N", neutral=True)

    def __post_init__(self) -> None:
        require(self.dataset in DATASETS, "dataset", f"be one of {', '.join(DATASETS)}", self.dataset)
        require(self.downsample >= 1, "downsample", "be at least 1", self.downsample)
        require(self.stride is None or self.stride >= 1, "stride", "be at least 1", self.stride)
        require(self.threads >= 1, "threads", "be at least 1", self.threads)
        if self.lifter == OWN:
            raise UsageError(
                "Kinema's own lifter is part of the fit and gives bodies, not a data set's joints; set `lifter` to"
                " videopose3d or pstmo, and score the fit with `kinema evaluate motion`"
            )
        if self.refine is not None and self.dataset != "h36m":
            raise UsageError(
                "P-STMO's refine module needs the lens of the camera, which only h36m has; leave out `lifter_refine`"
            )
        if self.dataset == "3dhp" and (self.keypoints or self.actions or self.cameras):
            raise UsageError("the test set of 3dhp has its own keypoints, and sequences in place of actions; leave out"
                             " `keypoints`, `actions` and `cameras`")  # fmt: skip

    @property
    def millimetres(self) -> float:
        """Millimetres per unit of the lifter."""
        unit = self.unit or ("mm" if self.dataset == "3dhp" else "m")
        return 1.0 if unit == "mm" else 1000.0

    @property
    def lift(self) -> LiftOptions:
        """These settings for `kinema.lifting`."""
        return LiftOptions(
            method=self.lifter, checkpoint=self.checkpoint, flip=self.flip, causal=self.causal, threads=self.threads
        )
