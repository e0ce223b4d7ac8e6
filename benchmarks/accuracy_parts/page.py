"""The page: one function for each section, which gives Markdown."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from benchmarks.accuracy_parts import angles, masks, pictures
from benchmarks.accuracy_parts.agreement import AGREED, ANOTHER, agreed_off, agreed_speed
from benchmarks.accuracy_parts.chains import Chain, Kept
from benchmarks.accuracy_parts.data import DATA
from benchmarks.accuracy_parts.limbs import CLIPS, acceleration, limbs_off, speed_kept
from benchmarks.accuracy_parts.rendered import rendered_scores
from benchmarks.accuracy_parts.tables import figure, table
from benchmarks.accuracy_parts.truths import AXES, Scores, TruthClip, peer_scores, scores_of, truth_clips

from kinema.body import load_body
from kinema.body.definitions import DEFINITIONS
from kinema.evaluation.motion import evaluate_motion

DEFAULT, GOOD = Chain("default"), Chain("`--quality good`", {"quality": "good"})
PRESETS = (
    DEFAULT,
    GOOD,
    Chain("`--quality good --commercial-only`", {"quality": "good", "commercial_only": True}),
    Chain("`--quality best`", {"quality": "best"}),
    Chain("`--quality best --commercial-only`", {"quality": "best", "commercial_only": True}),
)
"""What a user chooses among; the default is `--quality fast`."""

KEYPOINTS_ALONE = Chain("no outlines", {"outlines": False})

ABLATIONS = (
    DEFAULT,
    Chain("landmarks not refined", {"landmarks": "raw"}),
    Chain("analytic prior", fit={"prior": "analytic"}),
    KEYPOINTS_ALONE,
    Chain("people need not be in balance", fit={"balance": False}),
    Chain("lifter errors independent per frame", fit={"lasting": False}),
    Chain("no filter", {"filter": "none"}),
    Chain("a narrow robust kernel from the first step", solver={"first_scale": 4.0}),
    Chain("bursts of unsure limbs believed as well", fit={"burst_confidence": (-2.0, -1.0)}),
    Chain("points of fast limbs count no more", fit={"emphasis": 1.0}),
    Chain("no bursts believed", solver={"bursts": 1e3}),
    GOOD,
    Chain("`--quality good`, lifted by one lifter", {"quality": "good"}, fit={"second_lifter": False}),
)
"""The default, and `good`, with one part taken out or changed."""


def scored(kept: Kept, how: Chain, known: TruthClip) -> Scores:
    return scores_of(kept.result(known.clip, how), known)


def presets(kept: Kept, seeds: int) -> str:
    """Every preset on every truth, and its speed."""
    clips = truth_clips()
    speed = {}
    for how in PRESETS:  # in turn on one clip, so that other load slows all of them
        speed[how.name] = kept.tracking_rate(clips[0].clip, how)
    rows = []
    for how in PRESETS:
        cells = []
        for known in clips:
            measures = scored(kept, how, known).measures
            cells.append(f"{measures['mpjpe_mm']:.0f} / {measures['pa_mpjpe_mm']:.0f}")
        rows.append([how.name, *cells, f"{speed[how.name] / speed[DEFAULT.name]:.2f}"])
    peers = {name: None for known in clips for name in known.peers}
    for name in peers:
        cells = []
        for known in clips:
            measures = peer_scores(known).get(name)
            cells.append("" if measures is None else f"{measures['mpjpe_mm']:.0f} / {measures['pa_mpjpe_mm']:.0f}")
        rows.append([name, *cells, ""])
    return table(["", *(known.name for known in clips), "speed"], rows)


def positions(kept: Kept, seeds: int) -> str:
    """Scale and root taken out one by one, the axes, and motion."""
    rows = []
    for known in truth_clips():
        found = scored(kept, DEFAULT, known)
        m = found.measures
        rows.append([
            known.name, figure(m["absolute_mm"]), figure(m["mpjpe_mm"]), figure(m["n_mpjpe_mm"]),
            figure(m["pa_mpjpe_mm"]), *(figure(found.axes[axis]) for axis in AXES),
            figure(100 * found.axes["depth"] ** 2 / sum(value**2 for value in found.axes.values())),
        ])  # fmt: skip
    first = table(["clip", "absolute", "root taken out", "and scale", "and rotation", *AXES, "share of depth, %"], rows)
    rows = []
    for known in truth_clips():
        m = scored(kept, DEFAULT, known).measures
        rows.append([
            known.name, known.what, figure(100 * m["coverage"]), figure(m["keypoints_percent"], 2),
            figure(m["distance_percent"], 1), figure(m["vertical_deg"], 1), figure(m["acceleration_error_m_s2"], 1),
            figure(m["jitter_ratio"], 2), figure(m["wrists_percent"]), figure(m["root_error_mm"]),
        ])  # fmt: skip
    second = table(
        ["clip", "truth", "frames found, %", "2D, % of the height", "distance, %", "vertical, deg",
         "acceleration, m/s2", "jitter over the truth's", "wrists' speed, %", "root's path, mm"],
        rows,
    )  # fmt: skip
    return f"{first}\n\n{second}"


def joints(kept: Kept, seeds: int) -> str:
    """By joint, both sides together."""
    found = {known.name: scored(kept, DEFAULT, known).joints for known in truth_clips()}
    names = list(dict.fromkeys(name for each in found.values() for name in each))
    return table(
        ["joint", *found], [[name, *(figure(each.get(name, np.nan)) for each in found.values())] for name in names]
    )


def definitions(kept: Kept, seeds: int) -> str:
    """The same results by the joints of each definition, with the default and with two networks."""
    clips = truth_clips()
    rows = []
    for how in (DEFAULT, PRESETS[1]):
        results = {known.name: kept.result(known.clip, how) for known in clips}
        for name in DEFINITIONS:
            cells = []
            for known in clips:
                total = evaluate_motion(results[known.name], known.truth, definition=name).total
                cell = f"{total['mpjpe_mm']:.0f} / {total['pa_mpjpe_mm']:.0f}"
                cells.append(f"**{cell}**" if name == known.definition else cell)
            rows.append([how.name, name, *cells])
    return table(["", "joints", *(known.name for known in clips)], rows)


def joint_angles(kept: Kept, seeds: int) -> str:
    """Geodesic, of the squats; OpenSim's coordinates of the balance clip."""
    squats = kept.result(DATA / "videos" / "opencap_squats_marker_truth.mp4", DEFAULT)
    rows = [[name, figure(raw, 1), figure(free, 1)] for name, (raw, free) in angles.geodesic_errors(squats).items()]
    text = table(["joint of the squats", "geodesic, deg", "without its constant offset"], rows)
    rows = []
    for view in ("cam01", "cam03"):
        total = angles.coordinate_errors(kept.result(DATA / "videos" / f"balance_single_multiview_{view}.mp4", DEFAULT))
        rows.append([
            view, figure(total["mean_error_deg"], 1), figure(total["rmse_without_offset_deg"], 1),
            figure(total["correlation"], 2),
        ])  # fmt: skip
    return f"{text}\n\n" + table(["balance, OpenSim's angles", "mean error, deg", "RMSE without offsets", "r"], rows)


def limbs(kept: Kept, seeds: int) -> str:
    """Fast wrists on real clips, against the 2D keypoints themselves."""
    body, rows = load_body(), []
    for clip in CLIPS:
        file = DATA / "videos" / f"{clip}.mp4"
        motion, other = kept.result(file, DEFAULT), kept.tracked(file, ANOTHER)
        shares = agreed_speed(motion, other, body) if clip in AGREED else (np.nan, np.nan)
        rows.append([
            clip, figure(speed_kept(motion, body)), *(figure(share) for share in shares),
            figure(limbs_off(motion, body), 1), figure(agreed_off(motion, other, body), 1),
            figure(acceleration(motion), 1),
        ])  # fmt: skip
    return table(
        ["clip", "wrists' speed kept, %", "of what both networks see, %", "keypoints of the other's, %",
         "limbs off, per mille", "of what both networks see, per mille", "acceleration, m/s2"],
        rows,
    )  # fmt: skip


def rendered(kept: Kept, seeds: int) -> str:
    """Exact truth: rotations, the vertical, contacts."""
    rows = []
    for name, m in rendered_scores(kept, DEFAULT, seeds).items():
        rows.append([
            name, figure(m["mpjpe_mm"]), figure(m["pa_mpjpe_mm"]), figure(m["rotation_error_deg"], 1),
            figure(m["orientation_error_deg"], 1), figure(m["gravity"], 1),
            f"{m['contact_precision']:.2f} / {m['contact_recall']:.2f}", figure(m["soles"]), figure(m["trajectory"], 1),
        ])  # fmt: skip
    return table(
        ["rendered", "MPJPE", "PA-MPJPE", "rotations, deg", "root, deg", "vertical, deg",
         "contacts, precision / recall", "soles, mm", "path, %"],
        rows,
    )  # fmt: skip


def in_pictures(kept: Kept, seeds: int) -> str:
    """Masks, people, identities, other detectors."""
    parts = [
        table(
            ["image", "people", "found", "IoU with the mask", "without outlines"],
            [[name, str(people), str(found), figure(iou, 2), figure(alone, 2)]
             for (name, people, found, iou), (*_, alone) in
             zip(pictures.mask_scores(kept, DEFAULT), pictures.mask_scores(kept, KEYPOINTS_ALONE), strict=True)],
        ),
        table(
            ["clip", "IoU with BlazePose's masks", "mask beside, %", "body beside, %", "at head, hands, feet, %"],
            [[clip, figure(fit.iou, 2),
              *(figure(100 * share) for share in (fit.mask_beside, fit.body_beside, fit.at_ends))]
             for clip, fit in masks.clip_covers(kept, DEFAULT)],
        ),
        table(
            ["clip", "people", "bodies", "frames in which as many are seen, %"],
            [[name, str(people), str(bodies), figure(100 * share)] for name, people, bodies, share in
             pictures.counted_people(kept, DEFAULT)],
        ),
        table(
            ["clip", "found, %", "switched", "frames on nobody", "IDF1"],
            [[name, figure(100 * score.coverage), str(score.switches), str(score.extra), figure(100 * score.idf1)]
             for name, score in pictures.people_scores(kept, DEFAULT)],
        ),
        table(
            ["clip", "another detector", "median distance, % of the height"],
            [[clip, name, figure(pictures.reference_distance(kept, DEFAULT, clip), 1)]
             for clip, (name, *_) in pictures.REFERENCES.items()],
        ),
    ]  # fmt: skip
    return "\n\n".join(parts)


def ablations(kept: Kept, seeds: int) -> str:
    """The chains with one part changed."""
    clips = [known for known in truth_clips() if known.name != "desk"]
    rows = []
    for how in ABLATIONS:
        cells = []
        for known in clips:
            m = scored(kept, how, known).measures
            cells.append(f"{m['mpjpe_mm']:.1f} / {m['pa_mpjpe_mm']:.1f}, {m['acceleration_error_m_s2']:.1f} m/s2")
        rows.append([how.name, *cells])
    return table(["", *(known.name for known in clips)], rows)


SECTIONS: dict[str, tuple[str, Callable[[Kept, int], str]]] = {
    "presets": ("What `--quality` chooses, and what it gives", presets),
    "positions": ("Scale and root taken out one by one", positions),
    "joints": ("Joint by joint", joints),
    "definitions": ("Whose joints", definitions),
    "angles": ("Angles", joint_angles),
    "limbs": ("Fast limbs", limbs),
    "rendered": ("Rendered clips", rendered),
    "pictures": ("People and their outlines", in_pictures),
    "ablations": ("What each part contributes", ablations),
}
"""Name -> title, and the function that measures it."""


def page(kept: Kept, chosen: Sequence[str], seeds: int) -> str:
    """The page in Markdown; only the tables of some sections if not all are chosen."""
    found = {}
    for name in chosen:
        title, measure = SECTIONS[name]
        print(f"measuring: {title}", file=sys.stderr, flush=True)
        found[name] = measure(kept, seeds)
    if len(found) < len(SECTIONS):
        return "\n\n".join(f"## {SECTIONS[name][0]}\n\n{text}" for name, text in found.items())
    return Path(__file__).with_name("page.md").read_text(encoding="utf-8").format(**found)
