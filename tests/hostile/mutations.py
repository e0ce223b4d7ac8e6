"""Honest files that Kinema writes, with flipped bits, cut off, spliced together and with words exchanged."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from kinema.formats import save_motion
from kinema.motion import Motion
from kinema.person import Person
from kinema.storage.torch_writing import write_torch
from tests.hostile.bombs import safetensors

SUFFIXES = (".pkl", ".npz", ".pt", ".bvh", ".trc", ".c3d", ".safetensors", ".pth")
WAYS = ("flip", "cut", "splice", "word", "zeros")
_WORDS = (b"nan", b"1e309", b"-1", b"99999999999999999999", b"\xff\xff\xff\xff", b"\x80", b"inf", b"{", b"\x7f")


def honest_files(folder: Path) -> dict[str, bytes]:
    """One file of each suffix, by suffix."""
    rng = np.random.default_rng(0)
    frames = 12
    pose, transl = rng.normal(0, 0.2, (frames, 72)), rng.normal(0, 0.1, (frames, 3))
    person = Person(
        id=1, frames=np.arange(frames), pose=pose, transl=transl + [0, 0, 3], betas=np.zeros((frames, 10)),
        pose_world=pose, transl_world=transl, data={"note": "text", "values": np.arange(frames)},
    )  # fmt: skip
    motion = Motion(
        times=np.arange(frames) / 30, width=640, height=480, people=(person,), body_model="free", source="clip.mp4"
    )
    made = {}
    for suffix in (".pkl", ".npz", ".bvh", ".trc", ".c3d"):
        made[suffix] = save_motion(motion, folder / f"honest{suffix}").read_bytes()
    made[".pt"] = save_motion(motion, folder / "honest.pt", format="gvhmr").read_bytes()
    write_torch({"state_dict": {"a": np.ones((4, 4)), "b": np.zeros(3)}}, folder / "honest.pth")
    made[".pth"] = (folder / "honest.pth").read_bytes()
    made[".safetensors"] = safetensors({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}, bytes(8))
    return made


def mutated(honest: dict[str, bytes], seed: int) -> tuple[str, bytes]:
    """A file name and its contents: the same ones for the same seed."""
    rng = np.random.default_rng(seed)
    suffix, way = SUFFIXES[seed % len(SUFFIXES)], WAYS[seed // len(SUFFIXES) % len(WAYS)]
    data = bytearray(honest[suffix])
    # Half of the changes go to the first kilobyte, where headers and names are.
    most = len(data) if rng.random() < 0.5 else min(len(data), 1024)
    if way == "flip":
        for place in rng.integers(0, most, int(rng.integers(1, 12))):
            data[place] ^= 1 << int(rng.integers(0, 8))
    elif way == "cut":
        del data[int(rng.integers(0, len(data))) :]
    elif way == "splice":
        start, end = sorted(rng.integers(0, len(data), 2))
        place = int(rng.integers(0, len(data)))
        data[place:place] = data[start:end]
    elif way == "word":
        for place in rng.integers(0, most, 3):
            word = _WORDS[int(rng.integers(0, len(_WORDS)))]
            data[place : place + len(word)] = word
    else:
        start, end = sorted(rng.integers(0, len(data), 2))
        data[start:end] = bytes(int(end - start))
    return f"seed_{seed}_{way}{suffix}", bytes(data)
