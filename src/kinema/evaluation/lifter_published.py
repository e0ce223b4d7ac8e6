"""Published results of lifters, to print next to measured ones. Nothing in this table was measured by Kinema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

H36M_ACTIONS = (
    "Directions", "Discussion", "Eating", "Greeting", "Phoning", "Photo", "Posing", "Purchases", "Sitting",
    "SittingDown", "Smoking", "Waiting", "WalkDog", "Walking", "WalkTogether",
)  # fmt: skip
"""Human3.6M's actions, in the order of all published tables."""

PSTMO = "P-STMO, arXiv 2203.07628, table 1"
PSTMO_3DHP = "P-STMO, arXiv 2203.07628, table 2"
VIDEOPOSE3D = "VideoPose3D, README of github.com/facebookresearch/VideoPose3D"


@dataclass(frozen=True)
class PublishedScores:
    """One row of a published table. scores: by the names of `lifter_scores.MEASURES`; actions: P1 by action, or P2 if
    `protocol` says so. keypoints: the source of the 2D keypoints: "cpn", "detectron" or "gt".
    """

    method: str
    dataset: str
    keypoints: str
    source: str
    scores: Mapping[str, float]
    protocol: str = "P1"
    actions: Mapping[str, float] = field(default_factory=dict)

    @property
    def heading(self) -> str:
        return f"{self.method}, {self.keypoints}"


def _by_action(*values: float) -> dict[str, float]:
    return dict(zip(H36M_ACTIONS, values, strict=True))


_S243 = (40.0, 42.5, 38.3, 41.5, 45.8, 50.8, 41.6, 40.9, 54.2, 59.3, 44.4, 41.9, 43.6, 30.3, 30.1)
_P243 = (38.9, 42.7, 40.4, 41.1, 45.6, 49.7, 40.9, 39.9, 55.5, 59.4, 44.9, 42.2, 42.7, 29.4, 29.4)
_REFINED = (38.4, 42.1, 39.8, 40.2, 45.2, 48.9, 40.4, 38.3, 53.8, 57.3, 43.9, 41.6, 42.2, 29.3, 29.3)
_ALIGNED = (31.3, 35.2, 32.9, 33.9, 35.4, 39.3, 32.5, 31.5, 44.6, 48.2, 36.3, 32.9, 34.4, 23.8, 23.9)
_GT243 = (28.5, 30.1, 28.6, 27.9, 29.8, 33.2, 31.3, 27.8, 36.0, 37.4, 29.7, 29.5, 28.1, 21.0, 21.0)


def _h36m(method: str, keypoints: str, source: str, p1: float, p2: float | None = None) -> PublishedScores:
    return PublishedScores(method, "h36m", keypoints, source, {"mpjpe": p1} | ({} if p2 is None else {"pa_mpjpe": p2}))


def _3dhp(method: str, pck: float, auc: float, p1: float) -> PublishedScores:
    return PublishedScores(method, "3dhp", "gt", PSTMO_3DHP, {"mpjpe": p1, "pck": pck, "auc": auc})


PUBLISHED: tuple[PublishedScores, ...] = (
    PublishedScores("P-STMO-S 243", "h36m", "cpn", PSTMO, {"mpjpe": 43.0}, "P1", _by_action(*_S243)),
    PublishedScores("P-STMO 243", "h36m", "cpn", PSTMO, {"mpjpe": 42.8}, "P1", _by_action(*_P243)),
    PublishedScores("P-STMO 243 refined", "h36m", "cpn", PSTMO, {"mpjpe": 42.1}, "P1", _by_action(*_REFINED)),
    PublishedScores("P-STMO 243", "h36m", "cpn", PSTMO, {"pa_mpjpe": 34.4}, "P2", _by_action(*_ALIGNED)),
    PublishedScores("P-STMO-S 243", "h36m", "gt", PSTMO, {"mpjpe": 29.3}, "P1", _by_action(*_GT243)),
    _h36m("P-STMO-S 81", "cpn", PSTMO, 44.1),
    _h36m("PoseFormer 81", "cpn", PSTMO, 44.3, 34.6),
    _h36m("VideoPose3D 243", "cpn", VIDEOPOSE3D, 46.8, 36.5),
    _h36m("VideoPose3D 243, true boxes", "cpn", VIDEOPOSE3D, 47.1, 36.8),
    _h36m("VideoPose3D 81, true boxes", "cpn", VIDEOPOSE3D, 47.7, 37.2),
    _h36m("VideoPose3D 27, true boxes", "cpn", VIDEOPOSE3D, 48.8, 38.0),
    _h36m("VideoPose3D 243", "detectron", VIDEOPOSE3D, 51.6, 40.3),
    _h36m("VideoPose3D 243", "gt", VIDEOPOSE3D, 37.2, 27.2),
    _3dhp("VideoPose3D 81", 86.0, 51.9, 84.0),
    _3dhp("PoseFormer 9", 88.6, 56.4, 77.1),
    _3dhp("Hu et al. 96", 97.9, 69.5, 42.5),
    _3dhp("P-STMO-S 81", 97.9, 75.8, 32.2),
    PublishedScores("VideoPose3D 27", "humaneva", "detectron", VIDEOPOSE3D, {"mpjpe": 33.0}),
)
"""Every row. The averages of Human3.6M are over its 15 actions, those of HumanEva-I over Walk, Jog and Box, those of
MPI-INF-3DHP over the valid frames of its test set."""


def published_for(dataset: str, keypoints: str) -> tuple[PublishedScores, ...]:
    """The rows of a data set with the kind of 2D keypoints that a file's name states; all rows if it states none."""
    rows = tuple(row for row in PUBLISHED if row.dataset == dataset)
    kinds = {row.keypoints for row in rows}
    kind = next((kind for kind in ("cpn", "detectron", "gt") if kind in keypoints.lower() and kind in kinds), None)
    return rows if kind is None else tuple(row for row in rows if row.keypoints == kind)
