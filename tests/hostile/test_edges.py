"""Honest files at the edge: large, long, many people, high rates. The limits against hostile ones leave them alone."""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path

import joblib
import numpy as np
import pytest

from kinema.body import load_body
from kinema.formats import load_motion, save_motion
from kinema.motion import Motion
from kinema.person import Person
from kinema.quality import validate_file
from kinema.storage.budget import LEAST
from kinema.storage.checkpoints import load_checkpoint
from kinema.storage.safe_npz import load_npz
from kinema.storage.safe_pickle import load_pickle
from kinema.synthetic import procedural_motion
from tests.helpers.motion_samples import assert_same_motion

HOUR = 108_000
GIGABYTES = 2


@pytest.fixture(scope="module")
def performance() -> Motion:
    """A person who walks, turns and squats at 30 frames a second."""
    return procedural_motion(load_body(), "demo", seed=1, fps=30.0)


def people(motion: Motion, count: int) -> Motion:
    """The person of a motion, `count` times side by side."""
    (person,) = motion.people
    return motion.replace(people=tuple(person.replace(id=i + 1) for i in range(count)))


def repeated(motion: Motion, frames: int) -> Motion:
    """The motion to and fro until it is so long, its first person alone."""
    (person,) = motion.people
    there = np.arange(len(person))
    rows = np.resize(np.concatenate([there, there[::-1]]), frames)
    fields = {name: getattr(person, name)[rows] for name in ("pose_world", "transl_world", "betas")}
    longer = Person(id=1, frames=np.arange(frames), **fields)
    return Motion(
        times=np.arange(frames) / motion.fps, width=1920, height=1080, people=(longer,), body_model=motion.body_model
    )


@pytest.mark.parametrize("suffix", [".pkl", ".npz"])
def test_thirty_people(tmp_path, performance, suffix) -> None:
    crowd = people(performance, 30)
    path = save_motion(crowd, tmp_path / f"crowd{suffix}")
    assert_same_motion(load_motion(path), crowd)
    validation = validate_file(path, checks=("structure",))
    assert validation.verdict == "PASS"


@pytest.mark.parametrize("fps", [30.0, 240.0])
def test_high_rates(tmp_path, fps) -> None:
    motion = procedural_motion(load_body(), "demo", seed=1, fps=fps)
    for name in ("motion.pkl", "motion.npz", "motion.bvh"):
        loaded = load_motion(save_motion(motion, tmp_path / name))
        assert loaded.fps == pytest.approx(fps, rel=1e-6)  # a BVH's frame time has 12 digits
    assert validate_file(tmp_path / "motion.npz").verdict == "PASS"


@pytest.mark.slow
def test_an_hour_in_every_format_that_is_read(tmp_path, performance) -> None:
    hour = repeated(performance, HOUR)
    for name in ("hour.pkl", "hour.npz", "hour.bvh"):
        loaded = load_motion(save_motion(hour, tmp_path / name))
        assert loaded.num_frames == HOUR
        # A BVH has six decimals of a degree; its skeleton fits the free body to a tenth of a millimetre.
        apart = np.abs(loaded.people[0].transl_world - hour.people[0].transl_world).max()
        assert apart < (1e-3 if name.endswith("bvh") else 1e-12)
    assert validate_file(tmp_path / "hour.npz", checks=("structure", "motion")).verdict == "PASS"


@pytest.mark.slow
@pytest.mark.parametrize("compress", [0, ("zlib", 1)])
def test_large_pickles(tmp_path, compress) -> None:
    count = (GIGABYTES * 2**30 if not compress else LEAST // 2) // 8
    joblib.dump({"verts": np.zeros(count)}, tmp_path / "large.pkl", compress=compress)
    assert load_pickle(tmp_path / "large.pkl")["verts"].shape == (count,)


@pytest.mark.slow
def test_large_archives(tmp_path) -> None:
    np.savez(tmp_path / "large.npz", verts=np.zeros(GIGABYTES * 2**30 // 8))
    assert load_npz(tmp_path / "large.npz")["verts"].nbytes == GIGABYTES * 2**30


@pytest.mark.slow
def test_large_weights(tmp_path) -> None:
    path = tmp_path / "large.safetensors"
    sparse_weights(path, GIGABYTES * 2**30)
    if path.stat().st_blocks * 512 > 2**20:
        pytest.skip("the file system has no sparse files")
    assert sum(array.nbytes for array in load_checkpoint(path).values()) == GIGABYTES * 2**30


def sparse_weights(path: Path, size: int) -> None:
    """Sixteen tensors of zeros that take no room on the disk."""
    part = size // 16
    header = {
        f"layer.{i}": {"dtype": "F32", "shape": [part // 4], "data_offsets": [i * part, (i + 1) * part]}
        for i in range(16)
    }
    raw = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(raw)) + raw)
    os.truncate(path, 8 + len(raw) + size)
