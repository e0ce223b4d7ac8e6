"""Rendered clips, whose truth is exact: positions, rotations, the vertical, contacts and sliding feet."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from benchmarks.accuracy_parts.chains import Chain, Kept

from kinema.body import BodyModel, load_body
from kinema.evaluation.motion import evaluate_motion
from kinema.motion import Motion
from kinema.pipeline.keys import code_identity, digest
from kinema.synthetic import procedural_motion, render_clip

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # for the tests' helpers

from tests.helpers.monocular import random_camera, score, seen_from

SCRIPTS = ("rounds", "demo", "on-the-spot")
SECONDS = 6.0
MAKING = ("synthetic", "visualization", "body", "geometry")
"""Packages whose code decides what a rendered clip shows."""


def rendered_clip(folder: Path, body: BodyModel, script: str, seed: int) -> tuple[Path, Motion]:
    """A motion before a random camera, and its clip, which is rendered once."""
    motion = procedural_motion(body, script, seed=seed, fps=25).slice(0.5, 0.5 + SECONDS)
    camera = random_camera(motion.people[0].joints_world, np.random.default_rng(900 + seed), roll=10.0)
    truth = seen_from(motion.replace(times=motion.times - motion.times[0]), camera, body)  # a clip begins at 0
    path = folder / f"{script}_{seed}_{digest(code_identity(*MAKING))[:8]}.mp4"
    if not path.is_file():
        print(f"rendering {path.name}", file=sys.stderr, flush=True)
        render_clip(truth, body, path, seed=seed)
    return path, truth


def rendered_scores(kept: Kept, how: Chain, seeds: int) -> dict[str, dict[str, float]]:
    """{script: measures}, means over the seeds: those of `evaluate_motion` and of `tests.helpers.monocular.score`."""
    body = load_body()
    found: dict[str, dict[str, float]] = {}
    for script in SCRIPTS:
        rows = []
        for seed in range(seeds):
            clip, truth = rendered_clip(kept.folder, body, script, seed)
            motion = kept.result(clip, how)
            if not motion.people:
                continue
            longest = motion.replace(people=(max(motion.people, key=len),))
            total = evaluate_motion(longest, truth).total
            rows.append({**total, **score(longest, truth, body)})
        found[script] = {key: float(np.nanmean([row[key] for row in rows])) for key in rows[0]} if rows else {}
    return found
