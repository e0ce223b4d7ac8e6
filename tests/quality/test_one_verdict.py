"""One motion has one verdict, whatever file it comes in.

A format may lose what a verdict rests on (PARE's has no world, no format of poses has bones that grow); what it keeps
must be judged alike.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from kinema.body import free_body
from kinema.formats import FORMATS, load_motion, save_motion
from kinema.formats.angles import ORDERS
from kinema.formats.registry import MotionFormat
from kinema.formats.report import WriteReport
from kinema.motion import Motion
from kinema.quality import validate_file, validate_motion
from kinema.quality.corruption import CORRUPTIONS
from kinema.synthetic import procedural_motion
from tests.helpers.goldens import outside

BOTH = [
    entry for entry in FORMATS
    if entry.reads and entry.writes and (entry.lossless or {"pose", "pose_world"} & set(entry.keeps))
]  # fmt: skip
"""Formats that hold rotations; those of points alone have theirs fitted by the reader."""

WORLDS = [entry for entry in BOTH if entry.lossless or {"pose_world", "transl_world"} <= set(entry.keeps)]
NOT_KEPT = ("limb length",)
"""Damage that formats of poses cannot hold: their bones have one length."""

NOT_TOLD_BY = {"frozen root": ("amass", "gvhmr"), **dict.fromkeys(("float 0.2 m", "float 1 m", "hover"), ("gvhmr",))}
"""Damage that a file does not tell: AMASS' and GVHMR's writers carry the pelvis to where another body's feet stand, so
that one that was frozen moves with the feet; a GVHMR world has its floor anywhere."""


def named(entries: list[MotionFormat]) -> list:
    return [pytest.param(entry, id=entry.name) for entry in entries]


@pytest.fixture(scope="module", params=[(30.0, 0.0), (23.976, 1.5), (60.0, -1.5)], ids=["30", "23.976", "60"])
def clip(request) -> Motion:
    """A walk of a middling, a tall and a small person, at three rates."""
    fps, size = request.param
    betas = np.array([size, *[0.0] * 9])
    return procedural_motion(free_body(), "demo", fps=fps, betas=betas)


def world_only(motion: Motion) -> Motion:
    """Without what formats of a world do not hold: the camera, and contacts, with which `sliding` is measured."""
    return motion.replace(camera=None, people=tuple(person.replace(contacts=None) for person in motion))


@pytest.fixture(scope="module")
def judged(clip) -> Callable[[str | None, int], tuple[Motion, str]]:
    """A function from a kind of damage and a seed to the clip that has it, without a camera, and its verdict."""

    @functools.cache
    def damaged(kind: str | None, seed: int) -> tuple[Motion, str]:
        motion = world_only(clip if kind is None else CORRUPTIONS[kind](clip, np.random.default_rng(seed)))
        return motion, validate_motion(motion).verdict

    return damaged


def verdict_of_file(motion: Motion, folder: Path, entry: MotionFormat, **options) -> str:
    path = save_motion(motion, folder / f"motion{entry.suffixes[0]}", format=entry.name, **options)
    return validate_file(path, format=entry.name, **({} if entry.timed else {"fps": motion.fps})).verdict


@pytest.mark.parametrize("entry", named(BOTH))
def test_honest_motion_passes_in_every_format(clip, entry, tmp_path):
    assert validate_motion(clip).verdict == "PASS"
    assert verdict_of_file(clip, tmp_path, entry) == "PASS"


@pytest.mark.slow
@pytest.mark.parametrize("kind", [kind for kind in CORRUPTIONS if kind not in NOT_KEPT])
def test_damage_has_one_verdict_in_every_format_with_a_world(judged, kind, tmp_path):
    damaged, expected = judged(kind, 5)
    entries = [entry for entry in WORLDS if entry.name not in NOT_TOLD_BY.get(kind, ())]
    found = {entry.name: verdict_of_file(damaged, tmp_path, entry) for entry in entries}
    assert found == dict.fromkeys(found, expected)


@pytest.mark.parametrize("options", [{"units": "cm"}, *({"rotation_order": order} for order in ORDERS)])
def test_units_and_rotation_orders_do_not_change_the_verdict(judged, options, tmp_path):
    entry = next(entry for entry in FORMATS if entry.name == "bvh")
    for kind in (None, "twist flip", "teleport"):
        motion, expected = judged(kind, 0)
        assert verdict_of_file(motion, tmp_path, entry, **options) == expected


CHAINS = [(a, b) for a in WORLDS for b in WORLDS if not (a.lossless or b.lossless)]


@pytest.mark.real
@pytest.mark.parametrize("name", ["amass_ok.npz", "amass_quiet_standing_30fps.npz", "ok_mixamo_names.bvh"])
def test_files_converted_twice_keep_their_verdict(name, tmp_path):
    """AMASS files with betas of zero and the pelvis of another person, whose soles are below the floor."""
    path = outside("KINEMA_DATA", "../shared/data") / "cases" / name
    if not path.is_file():
        pytest.skip(f"needs {name} of the shared cases")
    expected = validate_file(path).verdict
    assert expected == "PASS"
    for first, second in CHAINS:
        between = save_motion(load_motion(path), tmp_path / f"a{first.suffixes[0]}", format=first.name)
        last = save_motion(load_motion(between), tmp_path / f"b{second.suffixes[0]}", format=second.name)
        for file in (between, last):
            assert validate_file(file).verdict == expected, (first.name, second.name, file.name)


def test_the_reports_paths_are_judged_person_by_person(tmp_path):
    """A format of one person per file: each file has its person's verdict."""
    clip = procedural_motion(free_body(), "demo")
    bad = CORRUPTIONS["teleport"](clip, np.random.default_rng(1)).people[0].replace(id=2)
    both = clip.replace(people=(clip.people[0], bad))
    expected = [report.verdict for report in validate_motion(both).people]
    for entry in WORLDS:
        if entry.lossless:
            continue
        report = WriteReport()
        save_motion(both, tmp_path / f"two{entry.suffixes[0]}", format=entry.name, report=report)
        found = [validate_file(path).verdict for path in report.paths if path.suffix == entry.suffixes[0]]
        assert found == expected, entry.name
