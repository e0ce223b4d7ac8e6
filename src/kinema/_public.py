"""The functions of the public face: one call each for what the rooms behind them do.

They are imported as `kinema.load`, `kinema.run`, ...; docs/api.md is made from what is written here.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kinema.body import load_body
from kinema.estimation.registry import ESTIMATORS, Estimator
from kinema.formats import FORMATS, MotionFormat, load_motion, save_motion
from kinema.formats.converting import convert as convert_file
from kinema.formats.report import WriteReport
from kinema.keypoints.registry import SOURCES
from kinema.keypoints.source import KeypointSource
from kinema.motion import Motion
from kinema.pipeline import RunOptions, RunResult, RunWatcher
from kinema.pipeline import run as run_video
from kinema.pipeline.registry import STAGES
from kinema.refinement import REFINERS, Refiner
from kinema.refinement import refine as refine_motion
from kinema.refinement.options import StabilizeOptions
from kinema.refinement.stage import stabilize_motion
from kinema.stage import Stage
from kinema.tracking.registry import TRACKERS, Tracker

if TYPE_CHECKING:
    from kinema.body import BodyModel
    from kinema.evaluation.motion import MotionScores
    from kinema.quality import Validation
    from kinema.quality.diagnosis import Diagnosis


def load(path: str | Path, *, format: str | None = None, fps: float | None = None) -> Motion:
    """Read a motion file of any format that Kinema reads; nothing in it is executed.

        motion = kinema.load("smpl_output.pkl")
        motion = kinema.load("wham_output.pkl", fps=25)

    format: a name of `kinema.formats()`, by default found by the contents. fps: of a file that does not say. What a
    reader assumed, converted and left out is listed in `motion.data["notes"]`. Raises InputError, UnsafeFileError,
    UsageError.
    """
    return load_motion(path, format=format, fps=fps)


def save(motion: Motion, path: str | Path, *, format: str | None = None, **options: Any) -> Path:
    """Write a motion, whole or not at all, and return the path of the first file written.

        kinema.save(motion, "walk.npz")

    format: a name of `kinema.formats()`, by default by the suffix. options: body, vertices, and what the format takes.
    Raises OutputError, UsageError.
    """
    return save_motion(motion, path, format=format, **options)


def run(
    video: str | Path,
    out: str | Path = "outputs",
    options: RunOptions | None = None,
    *,
    force: bool = False,
    watcher: RunWatcher | None = None,
    **settings: Any,
) -> RunResult:
    """From a video, or a folder of images, to a folder of results, as `kinema run` does it.

        result = kinema.run("clip.mp4", height=1.82, refine="smoothnet")
        result.motion, result.folder, result.files["overlay"]

    out: folder that holds the runs. options, or settings by their public names (`kinema run --help`). What an
    earlier run of the same video and settings has finished is not repeated, unless `force`. Raises InputError
    (unreadable video, nobody in it), OutputError, WeightsError, UsageError.
    """
    return run_video(video, out, RunOptions.given(options, settings), force=force, watcher=watcher)


def validate(subject: Motion | str | Path, **options: Any) -> Validation:
    """Check a motion, or a motion file: is it sound, does anything move, can the movement be believed.

        kinema.validate("smpl_output.pkl").verdict      # PASS, PASS_WITH_CLEANUP or FAIL

    options: checks, profile, limits; for a motion also body, for a file format and fps.
    """
    from kinema.quality import validate_file, validate_motion

    return validate_motion(subject, **options) if isinstance(subject, Motion) else validate_file(subject, **options)


def diagnose(path: str | Path, **options: Any) -> Diagnosis:
    """What is in a motion file: its entries, people, gaps, units, kind of movement, and the validator's verdict.

        kinema.diagnose("smpl_output.pkl").to_dict()

    options: profile, format, fps. Raises InputError where there is no file.
    """
    from kinema.quality.diagnosis import diagnose_file

    return diagnose_file(path, **options)


def refine(motion: Motion, method: str = "whittaker", *, body: BodyModel | None = None, **settings: Any) -> Motion:
    """A motion with less shaking, by a filter or a network of `kinema.refiners()`.

        smooth = kinema.refine(motion, "savgol", strength=0.7)

    body: the model of the poses, by default the free body. settings: fields of the method's options. Fields in the
    world are emptied, as they would no longer fit. Raises UsageError, InputError.
    """
    return refine_motion(motion, load_body() if body is None else body, method, **settings)


def stabilize(motion: Motion, *, body: BodyModel | None = None, **settings: Any) -> Motion:
    """A motion in which what the validator finds is repaired, and only that.

        stable = kinema.stabilize(motion)
        stable.people[0].data["stabilize"]      # what was done

    settings: profile, steps. Raises UsageError.
    """
    return stabilize_motion(motion, body, StabilizeOptions(**settings))


def export(motion: Motion | str | Path, path: str | Path, *, format: str | None = None, **options: Any) -> WriteReport:
    """Write a motion, or a motion file, for other programs: BVH, GLB, USD, FBX, TRC, C3D, CSV and more.

        report = kinema.export(motion, "walk.bvh", units="cm")
        report.paths, list(report.notes)

    format: a name of `kinema.formats()`, by default by the suffix. options: body, and what the format takes.
    Returns the files written and what differs from the motion. Raises UsageError, OutputError.
    """
    if not isinstance(motion, Motion):
        motion = load_motion(motion)
    report = WriteReport()
    save_motion(motion, path, format=format, report=report, **options)
    return report


def convert(source: str | Path, target: str | Path, **options: Any) -> WriteReport:
    """Turn one motion file into another, keeping all that both formats hold; the report says what was lost.

        kinema.convert("wham_output.pkl", "walk.npz", fps=25)

    options: source_format, target_format, fps, body, and what the target's format takes. Raises UsageError,
    InputError, OutputError.
    """
    return convert_file(source, target, **options)


def evaluate(result: Motion | str | Path, truth: Motion | str | Path, **options: Any) -> MotionScores:
    """Compare a motion with the truth: MPJPE, PA-MPJPE, acceleration error and more, person by person.

        kinema.evaluate("smpl_output.pkl", "truth.trc").total["mpjpe_mm"]

    Both may be motions or files; a truth may also be TRC markers or `.npz` joints. options: source, joints, align,
    frame, person; of a truth's file calibration, camera, axes, offset. Raises UsageError, InputError.
    """
    from kinema.evaluation.motion import evaluate_motion
    from kinema.evaluation.truth import load_truth

    reading = {name: options.pop(name) for name in ("calibration", "camera", "axes", "offset") if name in options}
    known = truth if isinstance(truth, Motion) else load_truth(truth, **reading)
    return evaluate_motion(result if isinstance(result, Motion) else load_motion(result), known, **options)


def stages() -> Sequence[Stage]:
    """Every stage that can be run alone on a motion, in the order of a run."""
    return STAGES.rows()


def formats() -> Sequence[MotionFormat]:
    """Every motion format, to read and to write."""
    return FORMATS.rows()


def estimators() -> Sequence[Estimator]:
    """What can turn tracked people into bodies."""
    return ESTIMATORS.rows()


def trackers() -> Sequence[Tracker]:
    """What can find and follow the people in a video."""
    return TRACKERS.rows()


def keypoint_sources() -> Sequence[KeypointSource]:
    """What can see the keypoints of people in an image."""
    return SOURCES.rows()


def refiners() -> Sequence[Refiner]:
    """Every filter, network and preset that `refine` knows."""
    return REFINERS.rows()
