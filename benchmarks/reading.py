"""How long reading a file takes with Kinema's safe readers, as a multiple of the library that trusts the file.

    python benchmarks/reading.py

One person for ten minutes at 30 frames a second, as Kinema writes it: `.pkl` against `pickle.load`, `.npz` against
`numpy.load`, `.pt` against reading the bytes, BVH against splitting its words. The median of several runs of each,
alternating, so that whatever else the machine does falls on both.
"""

from __future__ import annotations

import pickle
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.accuracy_parts.timing import wall_seconds

from kinema.formats.bvh_parsing import parse_bvh
from kinema.motion import Motion
from kinema.person import Person
from kinema.storage.checkpoints import load_checkpoint
from kinema.storage.safe_npz import load_npz
from kinema.storage.safe_pickle import load_pickle
from kinema.storage.torch_writing import write_torch

FRAMES, REPEATS = 18_000, 9


def motion() -> Motion:
    """A person who moves at random."""
    rng = np.random.default_rng(0)

    def path(width: int, scale: float) -> np.ndarray:
        return np.cumsum(rng.normal(0, scale, (FRAMES, width)), axis=0)

    pose, transl, betas = path(72, 0.001), path(3, 0.001), np.zeros((FRAMES, 10))
    person = Person(
        id=1, frames=np.arange(FRAMES), pose=pose, transl=transl, betas=betas, pose_world=pose, transl_world=transl
    )
    return Motion(times=np.arange(FRAMES) / 30, width=1920, height=1080, people=(person,), body_model="free")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        clip = motion()
        paths = {suffix: Path(folder) / f"motion{suffix}" for suffix in (".pkl", ".npz", ".pt", ".bvh")}
        for suffix in (".pkl", ".npz", ".bvh"):
            clip.save(paths[suffix])
        write_torch({"state_dict": {f"layer.{i}": np.ones((512, 512)) for i in range(40)}}, paths[".pt"])
        lists = Path(folder) / "lists.pkl"
        lists.write_bytes(pickle.dumps({"pose": clip.people[0].pose.tolist()}, 4))

        def trusting_npz() -> None:
            with np.load(paths[".npz"], allow_pickle=False) as file:
                for name in file.files:
                    file[name]

        pairs: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
            ".pkl": (lambda: load_pickle(paths[".pkl"]), lambda: pickle.loads(paths[".pkl"].read_bytes())),
            ".pkl of lists": (lambda: load_pickle(lists), lambda: pickle.loads(lists.read_bytes())),
            ".npz": (lambda: load_npz(paths[".npz"]), trusting_npz),
            ".pt": (lambda: load_checkpoint(paths[".pt"]), paths[".pt"].read_bytes),
            ".bvh": (lambda: parse_bvh(paths[".bvh"]), lambda: [line.split() for line in paths[".bvh"].open()]),
        }
        print(f"{'file':14} {'safe':>9} {'trusting':>9} {'ratio':>7}")
        for name, (safe, trusting) in pairs.items():
            taken = [(wall_seconds(safe), wall_seconds(trusting)) for _ in range(REPEATS)]
            mine, theirs = (statistics.median(column) for column in zip(*taken, strict=True))
            print(f"{name:14} {1000 * mine:6.1f} ms {1000 * theirs:6.1f} ms {mine / theirs:7.2f}")


if __name__ == "__main__":
    main()
