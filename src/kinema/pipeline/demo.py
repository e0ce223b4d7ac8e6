"""The demo: render a clip with known ground truth, run the main job on it, and evaluate the result.

The free body acts out a script in front of a camera with known pose and intrinsics. Its shape is the mean shape: a
person's height cannot be recovered from a single camera, so any other shape would score a guess.
"""

from __future__ import annotations

import contextlib
import math
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kinema.body import BodyModel, load_body
from kinema.brief import Brief
from kinema.evaluation.feet import foot_scores
from kinema.evaluation.motion import evaluate_motion
from kinema.formats import save_motion
from kinema.geometry.camera import DEFAULT_FOV
from kinema.motion import Motion
from kinema.pipeline.keys import code_identity, digest
from kinema.pipeline.options import RunOptions
from kinema.pipeline.running import OUT, RunResult, add_files, run
from kinema.pipeline.threads import one_blas_thread
from kinema.pipeline.watching import RunWatcher, StageTime, timed
from kinema.storage.atomic import atomic_path, write_json
from kinema.synthetic import procedural_motion, studio_camera
from kinema.synthetic.render import render_clip

CLIPS = ".demo"
"""Folder of the rendered clips, next to the runs."""

_RENDERING = ("synthetic", "visualization", "body", "geometry")
"""The subpackages whose code a rendered clip depends on."""


@dataclass(frozen=True, repr=False)
class DemoResult(Brief):
    """run: the main job's result. scores: the contents of evaluation.json.

    scores: {"body": measures, "raw": measures, "feet": measures, "reprojection_px": float, "frames": int},
    measures by the keys of `kinema.evaluation.scoring.MEASURES` and `feet.FOOT_MEASURES`.
    """

    run: RunResult
    scores: dict[str, Any]


@one_blas_thread
def demo(
    out: str | Path = OUT,
    *,
    script: str = "demo",
    seed: int = 0,
    fps: float = 30.0,
    size: tuple[int, int] = (1280, 720),
    options: RunOptions | None = None,
    force: bool = False,
    watcher: RunWatcher | None = None,
    command: tuple[str, ...] = (),
) -> DemoResult:
    """Render, run, evaluate. All files end up in the run's folder `<out>/demo_<date>-<time>`.

    script: a name of `kinema.synthetic.SCRIPTS`; seed: determines motion, clothes and room; fps, size (width, height):
    of the clip. Other arguments as for `run`. Raises the errors of `run`, and UsageError for an unknown script.
    """
    out, watcher = Path(out), watcher or RunWatcher()
    options = options or RunOptions.of(fov=DEFAULT_FOV)
    body = load_body()
    truth = procedural_motion(body, script, seed=seed, fps=fps, camera=studio_camera(*size, fov=DEFAULT_FOV))
    name = digest(script, seed, fps, size, code_identity(*_RENDERING), body.sha256)[:16]
    clip = _rendered(out / CLIPS / name / "demo.mp4", truth, body, seed, watcher)
    result = run(clip, out, options, force=force, watcher=watcher, command=command)
    scores = measure(result.motion, truth, body)
    _link(clip, result.folder / "demo.mp4")
    save_motion(truth, result.folder / "truth.npz", body=body)
    write_json(result.folder / "evaluation.json", scores)
    add_files(result, {"clip": "demo.mp4", "truth": "truth.npz", "evaluation": "evaluation.json"})
    return DemoResult(result, scores)


def measure(result: Motion, truth: Motion, body: BodyModel) -> dict[str, Any]:
    """The scores of a result against the rendered motion; see `DemoResult`."""
    fitted = evaluate_motion(result, truth, source="body", frame="camera", also_require=("keypoints3d",))
    raw = evaluate_motion(result, truth, source="keypoints3d", frame="camera", also_require=("body",))
    scores: dict[str, Any] = {"body": fitted.to_dict()["total"], "raw": raw.to_dict()["total"]}
    scores["frames"] = fitted.people[0].frames
    scores["joints"] = [pair.name for pair in fitted.pairs]
    scores["notes"] = list(fitted.notes)
    if fitted.people[0].result is None:
        return scores
    person = result.person(fitted.people[0].result)
    if person.reprojection_error is not None:
        scores["reprojection_px"] = float(np.nanmean(person.reprojection_error))
    if person.transl_world is not None:
        true_contacts = truth.people[0].require("contacts")[0]
        judged = person.replace(contacts=true_contacts[person.frames])
        feet = foot_scores(result.replace(people=(judged,)), judged, body)
        scores["feet"] = {name: value if math.isfinite(value) else None for name, value in feet.items()}
    return scores


def _rendered(path: Path, truth: Motion, body: BodyModel, seed: int, watcher: RunWatcher) -> Path:
    """The clip, rendered unless an earlier demo has rendered it."""
    if path.is_file():
        watcher.done(StageTime("render", 0.0, reused=True))
        return path
    with timed(watcher, "render") as progress:
        return render_clip(truth, body, path, seed=seed, progress=progress)


def _link(source: Path, target: Path) -> None:
    """Make `target` a hard link to the file, or a copy if the file system has none."""
    with contextlib.suppress(OSError):
        target.unlink(missing_ok=True)
        os.link(source, target)
        return
    with atomic_path(target) as temporary:
        shutil.copyfile(source, temporary)
