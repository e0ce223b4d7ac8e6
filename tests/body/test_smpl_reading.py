"""Users' SMPL files: every flavour gives the same arrays, malformed and hostile ones are refused by name."""

from __future__ import annotations

import pickle
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import scipy.sparse

from kinema.body import BodyModel, load_body
from kinema.errors import InputError, UnsafeFileError
from tests.helpers.hostile_files import touching


def same(a: BodyModel, b: BodyModel) -> None:
    for key in ("v_template", "shapedirs", "posedirs", "weights", "faces", "parents"):
        np.testing.assert_array_equal(getattr(a, key), getattr(b, key))
    assert (a.J_regressor != b.J_regressor).nnz == 0


def dense(model: dict) -> dict:
    return {k: v.toarray() if scipy.sparse.issparse(v) else v for k, v in model.items()}


@pytest.fixture
def plain(file_body: BodyModel) -> BodyModel:
    return file_body


def test_plain_file_has_the_makers_arrays(plain: BodyModel, neutral: dict) -> None:
    np.testing.assert_array_equal(plain.v_template, neutral["v_template"])
    np.testing.assert_array_equal(plain.shapedirs, neutral["shapedirs"])
    np.testing.assert_array_equal(plain.posedirs, neutral["posedirs"])
    np.testing.assert_array_equal(plain.faces, neutral["f"])
    assert plain.parents[0] == -1
    assert plain.name == "SMPL_NEUTRAL.pkl"
    assert len(plain.sha256) == 64


@pytest.mark.parametrize("flavour", ["ch", "select"])
def test_chumpy_files_give_the_plain_arrays(flavour, maker: ModuleType, neutral, plain, tmp_path: Path) -> None:
    path = tmp_path / "model.pkl"
    maker.write(path, neutral, flavour)
    same(load_body(path), plain)


def test_more_than_ten_betas_keep_the_first_ten(maker: ModuleType, tmp_path: Path) -> None:
    model = maker.model("neutral", betas=300)
    maker.write(tmp_path / "model.pkl", model)
    body = load_body(tmp_path / "model.pkl")
    np.testing.assert_array_equal(body.shapedirs, model["shapedirs"][..., :10])


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("sparse", [True, False], ids=["sparse regressor", "dense regressor"])
def test_npz_copies(save, sparse, neutral: dict, plain: BodyModel, tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    save(path, **(neutral if sparse else dense(neutral)))
    same(load_body(path), plain)


def test_cleaned_copies_in_other_types(neutral: dict, plain: BodyModel, tmp_path: Path) -> None:
    """Dense or csr regressor, signed tree with -1, another pickle protocol."""
    for i, regressor in enumerate((neutral["J_regressor"].toarray(), neutral["J_regressor"].tocsr())):
        model = {**neutral, "J_regressor": regressor, "kintree_table": neutral["kintree_table"].astype(np.int64)}
        model["kintree_table"][0, 0] = -1
        path = tmp_path / f"model{i}.pkl"
        path.write_bytes(pickle.dumps(model, protocol=4))
        same(load_body(path), plain)


def test_a_body_without_pose_blend_shapes(neutral: dict, tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    np.savez(path, **{k: v for k, v in dense(neutral).items() if k != "posedirs"})
    assert load_body(path).posedirs is None


def _without(key: str):
    return lambda model: {k: v for k, v in model.items() if k != key}


def _with(**changes):
    return lambda model: {**model, **{k: change(model[k]) for k, change in changes.items()}}


def _broken_tree(tree: np.ndarray) -> np.ndarray:
    tree = tree.astype(np.int64)
    tree[0, 5] = 7
    return tree


def _nan(array: np.ndarray) -> np.ndarray:
    array = array.copy()
    array.flat[5] = np.nan
    return array


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_without("v_template"), "it lacks v_template"),
        (_without("weights"), "it lacks weights"),
        (_with(v_template=lambda v: v[:100]), r"shapedirs has shape \(6890, 3, 10\), expected \(100, 3, 10\)"),
        (_with(v_template=lambda v: v.ravel()), r"v_template has shape \(20670,\), expected \(20670, 3\)"),
        (_with(v_template=lambda v: v[:0]), "v_template has shape"),
        (_with(shapedirs=lambda s: s[..., :4]), r"shapedirs has shape \(6890, 3, 4\), expected \(6890, 3, 10\)"),
        (_with(weights=lambda w: w[:, :23]), r"weights has shape \(6890, 23\), expected \(6890, 24\)"),
        (_with(posedirs=lambda p: p.reshape(-1, 207)), "posedirs has shape"),
        (_with(kintree_table=lambda t: np.tile(t, (1, 2))), "SMPL-H and SMPL-X files have more joints"),
        (_with(kintree_table=_broken_tree), "kintree_table is not a tree"),
        (_with(f=lambda f: f + 1), "f refers to vertex 6890"),
        (_with(f=lambda f: np.float64(3)), "f has shape"),
        (_with(shapedirs=_nan), "shapedirs holds a value that is not finite"),
        (_with(weights=lambda w: np.array("none")), "weights holds <U4, expected numbers"),
    ],
)
def test_malformed_contents_are_named(change, message, neutral: dict, tmp_path: Path) -> None:
    path = tmp_path / "model.npz"
    np.savez(path, **change(dense({k: v for k, v in neutral.items() if not k.endswith("_prior")})))
    with pytest.raises(InputError, match=message) as caught:
        load_body(path)
    assert "model.npz" in str(caught.value)


@pytest.mark.parametrize("suffix", [".pkl", ".npz"])
def test_missing_empty_and_corrupted_files(suffix, tmp_path: Path, neutral_file: Path) -> None:
    path = tmp_path / f"model{suffix}"
    with pytest.raises(InputError, match="does not exist"):
        load_body(path)
    path.write_bytes(b"")
    with pytest.raises(InputError, match="empty"):
        load_body(path)
    path.write_bytes(neutral_file.read_bytes()[:200_000])
    with pytest.raises(InputError):
        load_body(path)
    path.write_bytes(np.random.default_rng(1).bytes(5000))
    with pytest.raises(InputError):
        load_body(path)


def test_what_is_no_file_of_a_body_is_named_so(tmp_path: Path) -> None:
    (tmp_path / "picture.png").write_bytes(b"x")
    with pytest.raises(InputError, match=r"does not have the suffix of a body model; Kinema reads \.pkl"):
        load_body(tmp_path / "picture.png")
    with pytest.raises(InputError, match="is a folder; give a body model in it"):
        load_body(tmp_path)


def test_a_list_is_no_body(tmp_path: Path) -> None:
    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps([1, 2, 3]))
    with pytest.raises(InputError, match="list"):
        load_body(path)


@pytest.mark.parametrize("kind", ["pkl", "npz", "regressor in npz"])
def test_hostile_files_run_nothing(kind, neutral: dict, tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    model = {**neutral, "posedirs": touching(marker)}
    path = tmp_path / "model.pkl"
    if kind == "pkl":
        path.write_bytes(pickle.dumps(model))
    else:
        path = tmp_path / "model.npz"
        key = "posedirs" if kind == "npz" else "J_regressor"
        model = {**dense(neutral), key: np.array(touching(marker), dtype=object)}
        np.savez(path, **model)
    with pytest.raises(UnsafeFileError, match="system"):
        load_body(path)
    assert not marker.exists()
