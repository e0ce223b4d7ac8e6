"""Recorded outputs of the original authors' code: where they lie, and which cases a file of them holds.

The tests take lengths, windows, counts and seeds from the recordings' keys and shapes, so that another folder of the
same layout (KINEMA_GOLDENS) runs unchanged. A recording that lacks the kind of case a test is about fails that test.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
NOWHERE = "{variable} does not name a folder ({folder}); set it to run this test"


def _folder(variable: str, default: str) -> Path:
    return Path(os.environ.get(variable, ROOT / default)).resolve()


def outside(variable: str, default: str) -> Path:
    """The folder outside the repository that an environment variable names; skips the test where there is none."""
    folder = _folder(variable, default)
    if not folder.is_dir():
        pytest.skip(NOWHERE.format(variable=variable, folder=folder))
    return folder


def goldens() -> Path:
    """The folder of recorded outputs."""
    return outside("KINEMA_GOLDENS", "../shared/goldens")


def recording(name: str) -> dict[str, np.ndarray]:
    """All arrays of one file of the folder, such as "synsp/golden.npz"."""
    with np.load(goldens() / name) as file:
        return dict(file)


def cases(keys: Iterable[str], pattern: str) -> list:
    """What the groups of `pattern` match in whole keys: each once, in the keys' order, digits as numbers.

    One group gives values, several give tuples. Fails where no key matches.
    """
    found = _matches(keys, pattern)
    assert found, f"no recorded key matches {pattern!r}"
    return found


def _matches(keys: Iterable[str], pattern: str) -> list:
    hits = (re.fullmatch(pattern, key) for key in keys)
    values = (tuple(int(g) if g.isdecimal() else g for g in hit.groups()) for hit in hits if hit)
    return list(dict.fromkeys(value[0] if len(value) == 1 else value for value in values))


def each_case(names: str, file: str, pattern: str) -> Callable[[Callable], Callable]:
    """Run a test for every case that `cases` finds in the keys of one recorded file.

    Skipped where the goldens are not there; failed where they are, but hold no such case.
    """
    nothing = [None] * len(names.split(","))
    folder = _folder("KINEMA_GOLDENS", "../shared/goldens")
    if not folder.is_dir():
        skip = pytest.mark.skip(reason=NOWHERE.format(variable="KINEMA_GOLDENS", folder=folder))
        return pytest.mark.parametrize(names, [pytest.param(*nothing, marks=skip, id="nowhere")])
    found = _matches(_keys(folder / file), pattern)
    if found:
        return pytest.mark.parametrize(names, found)

    def refuse(test: Callable) -> Callable:
        @functools.wraps(test)
        def fail(**_: object) -> None:
            pytest.fail(f"{file} holds no key that matches {pattern!r}")

        return pytest.mark.parametrize(names, [pytest.param(*nothing, id="none")])(fail)

    return refuse


@functools.cache
def _keys(path: Path) -> tuple[str, ...]:
    if not path.is_file():
        return ()
    with np.load(path) as file:
        return tuple(file.files)


def thinned(golden: Mapping[str, np.ndarray], stem: str) -> tuple[int, np.ndarray]:
    """N and the array of the key "STEM_1inN", of which every Nth place is recorded."""
    (step,) = cases(golden, re.escape(stem) + r"_1in(\d+)")
    return step, golden[f"{stem}_1in{step}"]


def input_of(golden: Mapping[str, np.ndarray], case: str) -> np.ndarray:
    """The seeded float32 input that a network's case was recorded with."""
    rng = np.random.RandomState(int(golden[f"{case}.input_seed"]))
    return (rng.standard_normal(golden[f"{case}.input_shape"]) * golden[f"{case}.input_scale"]).astype(np.float32)


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"goldens_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def seeded_tensors(manifest: str) -> dict[str, np.ndarray]:
    """The state dict that a manifest of the folder describes."""
    return _module(goldens() / "seeded.py").state_dict(goldens() / manifest)


def torch_tensors(manifest: str) -> dict:
    """`seeded_tensors` as torch tensors."""
    import torch

    return {key: torch.from_numpy(np.asarray(value)) for key, value in seeded_tensors(manifest).items()}


def smpl_maker() -> ModuleType:
    """The goldens' generator of SMPL files."""
    return _module(goldens() / "smpl" / "make_synthetic_smpl.py")
