"""Writes a body in the file layouts that the packages `smplx` and `smplfitter` load as an SMPL model.

Both expect a pickled dict in SMPL's file format in a folder `smpl`; they differ in the file name, and
smplfitter expects a child template next to it. The free body has as many vertices as SMPL, and the vertices
that `smplx` selects for its extra joints (nose, eyes, ears, toes, heels, finger tips) lie at those
points, so `smplx` needs no option. The triangles and all other numbers are the free body's own.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np

from kinema.body.model import NUM_POSE_FEATURES, BodyModel
from kinema.errors import UsageError
from kinema.storage.atomic import atomic_path

_ROOT_PARENT = 2**32 - 1  # what SMPL's files hold for "none"


def write_layout(body: BodyModel, layout: str, out: str | Path) -> list[Path]:
    """Write the body's files for one package under the folder `out`. Returns the paths written.

    layout: "smplx" (then `smplx.create(out, model_type="smpl")`) or "smplfitter" (then
    `BodyModel("smpl", "neutral", model_root=f"{out}/smpl")`). Raises UsageError for an unknown layout and
    OutputError where the folder cannot be written.
    """
    if layout not in LAYOUTS:
        raise UsageError(f"unknown layout {layout!r}; known: {', '.join(LAYOUTS)}")
    return LAYOUTS[layout](body, Path(out) / "smpl")


def _smplx(body: BodyModel, folder: Path) -> list[Path]:
    return [_write_pickle(body, folder / "SMPL_NEUTRAL.pkl")]


def _smplfitter(body: BodyModel, folder: Path) -> list[Path]:
    model = _write_pickle(body, folder / "basicmodel_neutral_lbs_10_207_0_v1.1.0.pkl")
    kid = folder / "kid_template.npy"
    with atomic_path(kid) as temporary:  # zeros mean "none", as in smplfitter's own downloader
        np.save(temporary, np.zeros((body.num_vertices, 3)))
    return [model, kid]


LAYOUTS: dict[str, Callable[[BodyModel, Path], list[Path]]] = {"smplx": _smplx, "smplfitter": _smplfitter}


def _write_pickle(body: BodyModel, path: Path) -> Path:
    blob = pickle.dumps(smpl_dict(body), protocol=3)
    # numpy 1 does not know the module that numpy 2 pickles arrays from; both know the old name. The first
    # occurrence precedes the bytes of any array.
    blob = blob.replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n", 1)
    with atomic_path(path) as temporary:
        temporary.write_bytes(blob)
    return path


def smpl_dict(body: BodyModel) -> dict[str, np.ndarray | str]:
    """The body as the dict that an SMPL file holds, all plain arrays (the joint regressor dense)."""
    posedirs = body.posedirs
    if posedirs is None:
        posedirs = np.zeros((body.num_vertices, 3, NUM_POSE_FEATURES), dtype=np.float32)
    tree = np.stack([np.where(body.parents < 0, _ROOT_PARENT, body.parents), np.arange(len(body.parents))])
    return {
        "v_template": np.array(body.v_template),
        "shapedirs": np.array(body.shapedirs),
        "posedirs": np.array(posedirs),
        "J_regressor": body.J_regressor.toarray(),
        "J": np.array(body.J_template),
        "weights": np.array(body.weights),
        "kintree_table": tree.astype(np.uint32),
        "f": body.faces.astype(np.uint32),
        "bs_style": "lbs",
        "bs_type": "lrotmin",
    }
