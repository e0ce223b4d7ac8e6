"""The estimators by name: what turns tracked people into bodies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kinema.estimation.nlf_stage import localize_people
from kinema.estimation.stage import fit_body
from kinema.models.pare.stage import regress_people
from kinema.options import Setting, settings_of
from kinema.refinement.stage import fit_tracks
from kinema.registry import Registry
from kinema.stage import Stage

if TYPE_CHECKING:
    from kinema.body import BodyModel
    from kinema.models.image_estimator import ImageEstimator, ImageSettings


def _smpl_body() -> BodyModel:
    from kinema.models.pare.release import PareRelease

    return PareRelease().body()


@dataclass(frozen=True)
class Estimator:
    """One way to estimate bodies.

    stages: what runs, in order; the last one fills pose, betas and transl. settings: by stage and name, settings that
    the user cannot change. body: the default body, None for the free one. follows_keypoints: whether poses come from
    the keypoints alone, so that a body far from them shows that there is no person, rather than a wrong pose. smooth:
    whether its track fit filters, so that a run filters once more only if it is told to. files: public names of those
    settings that say where its weights are, None for all settings. images: "module:function", or a function, that opens
    it for single images (`kinema.models.image_estimator`) with the options of its first stage; None: its stages are run
    on them.
    """

    name: str
    summary: str
    stages: tuple[Stage, ...]
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    body: Callable[[], BodyModel] | None = None
    follows_keypoints: bool = False
    smooth: bool = False
    files: tuple[str, ...] | None = None
    images: str | Callable[[Any, ImageSettings], ImageEstimator] | None = None


ESTIMATORS: Registry[Estimator] = Registry(
    "estimator",
    group="kinema.estimators",
    aliases={"blazepose": "keypoints"},
    rows=(
        Estimator(
            "keypoints",
            "a body fitted to the keypoints of all frames together (default)",
            (fit_body,),
            follows_keypoints=True,
            files=(),
            images="kinema.models.blazepose.images:open_images",
        ),
        Estimator(
            "pare",
            "PARE's poses, frame by frame, as the prior of the fit; needs its checkpoint and torch",
            (regress_people, fit_body),
            settings={"fit": {"prior": "estimate", "outlines": False}},
            body=_smpl_body,
            files=("checkpoint",),
            images="kinema.models.pare.images:open_images",
        ),
        Estimator(
            "nlf",
            "a body fitted to the vertices and joints that NLF locates in every frame; needs its weights and torch",
            (localize_people, fit_tracks),
            body=_smpl_body,
            smooth=True,
            files=("nlf", "nlf_data"),
            images="kinema.estimation.nlf_images:open_images",
        ),
    ),
)
"""Every estimator."""


def image_settings(row: Estimator) -> dict[str, Setting]:
    """The settings of a row that matter for single images, by public name: its files, or all that it has."""
    return {
        one.public: one
        for stage in row.stages
        for one in settings_of(stage.options).values()
        if one.public is not None and (row.files is None or one.public in row.files)
    }
