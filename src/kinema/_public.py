"""The public functions, imported as `kinema.load`, `kinema.run`, ...: one call for what each package does.

docs/api.md is generated from these docstrings.
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
from kinema.keypoints.detectors import DETECTORS, DetectorRow
from kinema.keypoints.registry import SOURCES
from kinema.keypoints.source import KeypointSource
from kinema.motion import Motion
from kinema.pipeline import RunOptions, RunResult, RunWatcher
from kinema.pipeline import run as run_video
from kinema.pipeline.registry import STAGES
from kinema.pipeline.watching import following
from kinema.refinement import REFINERS, Refiner
from kinema.refinement import refine as refine_motion
from kinema.refinement.options import StabilizeOptions
from kinema.refinement.stage import stabilize_motion
from kinema.stage import Stage
from kinema.tracking.registry import TRACKERS, Tracker

if TYPE_CHECKING:
    from kinema.body import BodyModel
    from kinema.evaluation.angle_scores import AngleScores
    from kinema.evaluation.motion import MotionScores
    from kinema.quality import Validation
    from kinema.quality.diagnosis import Diagnosis


def load(path: str | Path, *, format: str | None = None, fps: float | None = None, units: str | None = None) -> Motion:
    """Read a motion file of any supported format; nothing in it is executed.

        motion = kinema.load("smpl_output.pkl")
        motion = kinema.load("wham_output.pkl", fps=25)

    format: a name from `kinema.formats()`; by default the contents decide. fps: frame rate of a file that does not hold
    it. units: "m", "cm", "mm" or "in", of a BVH; by default told from its legs. What the reader assumed, converted and
    left out is listed in `motion.data["notes"]`. Raises InputError, UnsafeFileError, UsageError.
    """
    return load_motion(path, format=format, fps=fps, units=units)


def save(motion: Motion, path: str | Path, *, format: str | None = None, **options: Any) -> Path:
    """Write a motion file and return its path, or that of the first file where a format writes several.

    The file appears complete or not at all.

        kinema.save(motion, "walk.npz")

    format: a name from `kinema.formats()`; by default the suffix decides. options: body, vertices, and those of the
    format. Raises OutputError, UsageError.
    """
    return save_motion(motion, path, format=format, **options)


def run(
    video: str | Path,
    out: str | Path = "outputs",
    options: RunOptions | None = None,
    *,
    force: bool = False,
    progress: bool | None = None,
    watcher: RunWatcher | None = None,
    **settings: Any,
) -> RunResult:
    """Turn a video, or a folder of images, into a folder of results, like the command `kinema run`.

        result = kinema.run("clip.mp4", height=1.82, refine="smoothnet")
        result.motion, result.folder, result.files["overlay"]

    out: the folder in which the run gets its own folder. Give either options, or settings by their public names.
    force: repeat what an earlier run of the same video and settings has finished already. progress: whether progress
    and notes are shown on stderr; by default in terminals and notebooks. watcher: receives them in place of that.
    Raises InputError (unreadable video, nobody in it), OutputError, WeightsError, UsageError.
    """
    with following(watcher, progress) as shown:
        return run_video(video, out, RunOptions.given(options, settings), force=force, watcher=shown)


def validate(subject: Motion | str | Path, **options: Any) -> Validation:
    """Check a motion or a motion file: its structure, whether anything moves, and whether the movement is plausible.

        kinema.validate("smpl_output.pkl").verdict      # PASS, PASS_WITH_CLEANUP or FAIL

    options: checks, profile, limits, floor; body for a motion; format and fps for a file. Raises UsageError.
    """
    from kinema.quality import validate_file, validate_motion

    return validate_motion(subject, **options) if isinstance(subject, Motion) else validate_file(subject, **options)


def diagnose(path: str | Path, **options: Any) -> Diagnosis:
    """Describe a motion file: entries, people, gaps, units, kind of movement, and the validator's verdict.

        kinema.diagnose("smpl_output.pkl").to_dict()

    options: profile, format, fps. Raises InputError if there is no such file.
    """
    from kinema.quality.diagnosis import diagnose_file

    return diagnose_file(path, **options)


def refine(motion: Motion, method: str = "whittaker", *, body: BodyModel | None = None, **settings: Any) -> Motion:
    """Smooth a motion with one of `kinema.refiners()`, a filter or a network.

        smooth = kinema.refine(motion, "savgol", strength=0.7)

    body: the body model of the poses, by default the free body. settings: options of the method. A body in the camera's
    frame is refined there, and the fields in the world, which no longer fit, are emptied; one that no camera can place
    there again (motion capture) is refined in the world. Raises UsageError, InputError.
    """
    return refine_motion(motion, load_body() if body is None else body, method, **settings)


def stabilize(motion: Motion, *, body: BodyModel | None = None, **settings: Any) -> Motion:
    """Repair what the validator finds in a motion, and nothing else.

        stable = kinema.stabilize(motion)
        stable.people[0].data["stabilize"]  # what was done

    body: as for `refine`. settings: profile, steps. Raises UsageError.
    """
    return stabilize_motion(motion, body, StabilizeOptions(**settings))


def export(motion: Motion | str | Path, path: str | Path, *, format: str | None = None, **options: Any) -> WriteReport:
    """Write a motion or a motion file for other programs: BVH, GLB, USD, FBX, TRC, C3D, CSV and more.

        report = kinema.export(motion, "walk.bvh", units="cm")
        report.paths, list(report.notes)

    format: a name from `kinema.formats()`; by default the suffix decides. options: body, and those of the format. The
    report has the files written and says how they differ from the motion. Raises UsageError, OutputError.
    """
    if not isinstance(motion, Motion):
        motion = load_motion(motion)
    report = WriteReport()
    save_motion(motion, path, format=format, report=report, **options)
    return report


def convert(source: str | Path, target: str | Path, **options: Any) -> WriteReport:
    """Convert a motion file to another format; the report says what the target cannot hold.

        kinema.convert("wham_output.pkl", "walk.npz", fps=25)

    options: source_format, target_format, fps, source_units, body, and those of the target's format. Raises UsageError,
    InputError, OutputError.
    """
    return convert_file(source, target, **options)


def evaluate(result: Motion | str | Path, truth: Motion | str | Path, **options: Any) -> MotionScores | AngleScores:
    """Compare a motion with ground truth, person by person: MPJPE, PA-MPJPE, acceleration error and more.

        kinema.evaluate("smpl_output.pkl", "truth.trc").total["mpjpe_mm"]

    Both may be motions or files; the truth may also be markers (TRC, C3D) or `.npz` joints. options: source, joints,
    align, frame, person, body; for a file of truth also calibration, camera, axes, up, offset. Raises UsageError,
    InputError.

    A `.mot` or `.sto` of OpenSim gives `AngleScores`; options: person, offset.
    """
    if isinstance(truth, (str, Path)) and Path(truth).suffix.lower() in (".mot", ".sto"):
        from kinema.evaluation.angle_scores import evaluate_angles

        return evaluate_angles(result if isinstance(result, Motion) else load_motion(result), truth, **options)
    from kinema.evaluation.motion import evaluate_motion
    from kinema.evaluation.truth import load_truth

    names = ("calibration", "camera", "axes", "up", "offset")
    reading = {name: options.pop(name) for name in names if name in options}
    body = options.get("body")
    known = truth if isinstance(truth, Motion) else load_truth(truth, body=body, **reading)
    return evaluate_motion(result if isinstance(result, Motion) else load_motion(result), known, **options)


def stages() -> Sequence[Stage]:
    """Every stage, in the order of a run; each can be called alone on a motion."""
    return STAGES.rows()


def formats() -> Sequence[MotionFormat]:
    """Every motion format that can be read or written."""
    return FORMATS.rows()


def estimators() -> Sequence[Estimator]:
    """Every estimator: what turns tracked people into bodies."""
    return ESTIMATORS.rows()


def trackers() -> Sequence[Tracker]:
    """Every tracker: what finds and follows the people in a video."""
    return TRACKERS.rows()


def keypoint_sources() -> Sequence[KeypointSource]:
    """What can see the keypoints of people in an image."""
    return SOURCES.rows()


def detectors() -> Sequence[DetectorRow]:
    """What can find the people in an image."""
    return DETECTORS.rows()


def refiners() -> Sequence[Refiner]:
    """Every refiner: the filters, networks and presets that `refine` knows."""
    return REFINERS.rows()
