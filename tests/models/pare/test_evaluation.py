"""PARE's evaluation and the occlusion analysis against the authors' numbers, on data in the published layouts."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from kinema.__main__ import main
from kinema.errors import InputError, UsageError
from kinema.estimation.registry import ESTIMATORS
from kinema.evaluation.occlusion import OcclusionOptions, grid, occluded, occlusion_sensitivity
from kinema.models.pare.datasets import DATASETS, load_dataset
from kinema.models.pare.release import PareRelease
from tests.helpers.goldens import each_case
from tests.helpers.pare_samples import network_input, picture
from tests.helpers.tiny_estimator import TINY

# Errors are metres; the gate of the network's outputs.
GATE = 1e-4
SEQUENCES = ("downtown_bar_00", "flat_guitar_00")  # of the test set; occluded


@pytest.fixture(scope="module")
def dataset_folder(pipeline, release_folder) -> Path:
    """The recorded images and labels as 3DPW (with genders, two sequences) and as 3DOH (without)."""
    names = []
    count = len(pipeline["eval.in.scale"])
    for i in range(count):
        sequence = SEQUENCES[int(2 * i >= count)]
        name = f"imageFiles/{sequence}/image_{i:05d}.png"
        for dataset in ("3dpw", "3doh"):
            path = release_folder / "dataset_folders" / dataset / name
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), picture(int(pipeline["eval.in.picture_seed0"]) + i)[..., ::-1])
        names.append(name)
    labels = {
        "imgname": np.array(names), "center": pipeline["eval.in.center"], "scale": pipeline["eval.in.scale"],
        "pose": pipeline["eval.in.pose"], "shape": pipeline["eval.in.shape"],
    }  # fmt: skip
    extras = release_folder / "dataset_extras"
    extras.mkdir(exist_ok=True)
    gender = np.where(pipeline["eval.in.gender_is_female"] == 1, "f", "m")
    np.savez(extras / "3dpw_all_test_with_mmpose.npz", gender=gender, **labels)
    turned = {**labels, "pose": np.zeros((count, 72)), "pose_0yaw_inverseyz": labels["pose"]}
    np.savez(extras / "3doh_test.npz", **turned)
    return release_folder


@pytest.mark.golden
@pytest.mark.torch
@each_case("truth", "pare/pipeline.npz", r"eval\.(\w+)\.mpjpe")
def test_evaluation(pipeline, dataset_folder, remembering, definition, truth) -> None:
    from kinema.body import load_body
    from kinema.models.pare.evaluation import evaluate_pare
    from kinema.models.pare.release import PareRelease

    release = PareRelease(dataset_folder)
    labels = dataset_folder / "dataset_extras" / "3dpw_all_test_with_mmpose.npz"
    dataset = load_dataset("3dpw", labels, dataset_folder / "dataset_folders" / "3dpw")
    bodies = None
    if truth == "gender":
        bodies = {"m": load_body(release.body_file("male")), "f": load_body(release.body_file("female"))}
    (scores,) = evaluate_pare(dataset, remembering, definition, truths=[bodies], batch_size=3)
    for name, value in (
        ("gt_j14", scores.gt_j14), ("pred_j14", scores.pred_j14), ("mpjpe", scores.mpjpe),
        ("pampjpe", scores.pa_mpjpe), ("v2v", scores.v2v),
    ):  # fmt: skip
        np.testing.assert_allclose(value, pipeline[f"eval.{truth}.{name}"], atol=GATE, err_msg=name)


@pytest.mark.torch
@pytest.mark.usefixtures("one_network")
def test_command(pipeline, dataset_folder, tmp_path, capsys) -> None:
    out = tmp_path / "scores.json"
    command = ["evaluate", "pare", "--data", str(dataset_folder), "--json", str(out)]
    assert main([*command, "--dataset", "3dpw"]) == 0
    said = capsys.readouterr().out
    assert "82.0" in said
    assert "46.5" in said
    scores = json.loads(out.read_text())["scores"]
    assert [each["ground_truth"] for each in scores] == ["neutral", "gendered"]
    count = len(pipeline["eval.in.scale"])
    assert scores[0]["subsets"]["test sequences"]["pictures"] == (count + 1) // 2
    assert scores[0]["subsets"]["occluded sequences"]["pictures"] == count // 2
    assert main([*command, "--dataset", "3doh", "--limit", "2"]) == 0
    scores = json.loads(out.read_text())["scores"]
    assert [each["pictures"] for each in scores] == [min(2, count)]
    assert "give no gender" in capsys.readouterr().out


def test_malformed_labels(dataset_folder, tmp_path, capsys) -> None:
    with pytest.raises(InputError, match="does not exist"):
        load_dataset("3dpw", tmp_path / "nothing.npz", tmp_path)
    with pytest.raises(UsageError, match="unknown data set"):
        load_dataset("h36m", tmp_path / "nothing.npz", tmp_path)
    wrong = tmp_path / "wrong.npz"
    np.savez(wrong, imgname=np.array(["a"]), center=np.zeros((1, 2)), scale=np.ones(1), shape=np.zeros((1, 10)))
    with pytest.raises(InputError, match="it has no pose"):
        load_dataset("3dpw", wrong, tmp_path)
    np.savez(wrong, imgname=np.array(["a"]), center=np.zeros((1, 2)), scale=np.ones(1), shape=np.zeros((1, 10)),
             pose=np.zeros((1, 66)))  # fmt: skip
    with pytest.raises(InputError, match=r"pose has shape \(1, 66\)"):
        load_dataset("3dpw", wrong, tmp_path)
    labels = dataset_folder / "dataset_extras" / "3doh_test.npz"
    with pytest.raises(InputError, match="cannot be read"):
        load_dataset("3doh", labels, tmp_path).image(0)
    # 3DOH's yaw-free pose wins over the other one
    assert np.any(load_dataset("3doh", labels, tmp_path).pose)
    assert main(["evaluate", "pare", "--dataset", "3dpw", "--data", str(tmp_path)]) == InputError.exit_code


# --- occlusion ---------------------------------------------------------------------------------------


@pytest.mark.golden
@each_case("size,patch,stride", "pare/processing.npz", r"occ\.grid_(\d+)_(\d+)_(\d+)")
def test_grid(processing, size, patch, stride) -> None:
    places = grid(size, patch, stride)
    rows = processing[f"occ.grid_{size}_{patch}_{stride}"]
    assert places.shape[0] == processing[f"occ.side_{size}_{patch}_{stride}"]
    np.testing.assert_array_equal(places.reshape(-1, 4), rows[:, 2:])


@pytest.mark.golden
@pytest.mark.torch
def test_heatmap(processing, recorded_network, estimator, definition) -> None:
    from kinema.models.pare.images import PareImages

    count = len(recorded_network["out.pred_pose"])  # the first of as many images as the network's recording has
    image = network_input(int(processing["occ.image_seed"]), count)[0].transpose(1, 2, 0)
    found = occlusion_sensitivity(image, PareImages(estimator, definition), truth=processing["occ.gt_j14"][0])
    np.testing.assert_allclose(found.heat, processing["occ.mpjpe_heatmap"], atol=GATE)
    np.testing.assert_allclose(found.pa_heat, processing["occ.pampjpe_heatmap"], atol=GATE)
    np.testing.assert_allclose(found.error, processing["occ.orig_per_mpjpe"][0], atol=GATE)
    np.testing.assert_allclose(found.pa_error, processing["occ.orig_per_pampjpe"][0], atol=GATE)


class Brightness:
    """An estimator whose three joints measure the brightness of one column of the image each, along x."""

    name, size, joints, fill, weights = "brightness", 12, ("a", "b", "c", "d"), np.zeros(3, np.float32), {}

    def prepare(self, image, box):
        return image.astype(np.float32)

    def to_image(self, prepared):
        return prepared.astype(np.uint8)

    def estimate(self, prepared):
        out = np.tile(np.array([[0.0, 0, 0], [0, 1, 0], [1, 0, 0], [0, 0, 1]]), (len(prepared), 1, 1))
        for k, column in enumerate((1, 5, 9)):
            out[:, k, 0] += prepared[:, :, column, 0].mean(axis=1)
        return out


def test_any_estimator_and_where_it_looks() -> None:
    image = np.ones((12, 12, 3), np.float32)
    found = occlusion_sensitivity(image, Brightness(), OcclusionOptions(patch=4, stride=4, batch=2))
    assert found.heat.shape == (3, 3, 4)
    assert not found.truth
    np.testing.assert_allclose(found.error, 0)
    # Joint k moves where its own column is covered, by the covered share, and nowhere else.
    expected = np.zeros((3, 3, 4))
    for k in range(3):
        expected[:, k, k] = 4 / 12
    np.testing.assert_allclose(found.heat, expected, atol=1e-6)
    np.testing.assert_array_equal(image, 1)
    assert occluded(image, found.patches[4], Brightness.fill).sum() == 3 * (144 - 16)


def test_impossible_patches() -> None:
    with pytest.raises(UsageError, match="patch"):
        OcclusionOptions(patch=0)
    with pytest.raises(UsageError, match="larger than the input"):
        grid(224, 300, 40)
    with pytest.raises(UsageError, match="truth has shape"):
        occlusion_sensitivity(
            np.ones((12, 12, 3), np.float32), Brightness(), OcclusionOptions(4, 4), truth=np.ones((3, 3))
        )


@pytest.mark.real
@pytest.mark.usefixtures("networks", "one_network")
def test_command_compares_estimators(data_dir, release_folder, tmp_path, capsys) -> None:
    """A real photo: covering the person changes BlazePose's output, covering the empty corner does not."""
    pytest.importorskip("torch")
    photo = data_dir / "images" / "coco_000000000785.jpg"
    command = ["occlusion", str(photo), "--out", str(tmp_path), "--data", str(release_folder), "--threads", "1"]
    command += ["--estimator", "blazepose", "--estimator", "pare", "--patch", "75", "--max-persons", "1"]
    assert main(command) == 0
    said = capsys.readouterr().out
    assert "left_wrist" in said
    for name in ("blazepose", "pare"):
        for suffix in (".png", "_aligned.png", ".npz", ".mp4"):
            assert (tmp_path / f"coco_000000000785_1_{name}{suffix}").is_file()
    with np.load(tmp_path / "coco_000000000785_1_blazepose.npz") as file:
        heat = file["mpjpe_heatmap"].mean(axis=-1)
    assert heat.max() > 3 * max(heat[0, 0], 1e-3)
    results = json.loads((tmp_path / "occlusion.json").read_text())["results"]
    assert [row["estimator"] for row in results] == ["blazepose", "pare"]


@pytest.mark.golden
@pytest.mark.torch
@pytest.mark.usefixtures("one_network")
def test_command_on_a_data_set(pipeline, dataset_folder, tmp_path) -> None:
    command = ["occlusion", "--dataset", "3dpw", "--data", str(dataset_folder), "--every", "3", "--patch", "112"]
    assert main([*command, "--out", str(tmp_path), "--no-video", "--quiet", "--threads", "1"]) == 0
    rows = json.loads((tmp_path / "occlusion.json").read_text())["results"]
    chosen = range(0, len(pipeline["eval.in.scale"]), 3)
    assert [row["picture"] for row in rows] == [f"{i:06d}_pare" for i in chosen]
    assert rows[0]["against"] == "truth"
    assert main(["occlusion"]) == UsageError.exit_code
    assert main([*command, "--estimator", "blazepose", "--out", str(tmp_path)]) == InputError.exit_code


@pytest.mark.golden
@pytest.mark.usefixtures("one_network")
def test_another_estimator_on_a_data_set(pipeline, dataset_folder, tmp_path) -> None:
    """One of SMPL's joints is compared with the joints of the true poses: here everybody upright, with the arms out."""
    ESTIMATORS.register(TINY)
    try:
        command = ["occlusion", "--dataset", "3dpw", "--data", str(dataset_folder), "--every", "3", "--patch", "200"]
        assert main([*command, "--estimator", "tiny", "--out", str(tmp_path), "--no-video", "--quiet"]) == 0
    finally:
        ESTIMATORS.unregister(TINY.name)
    data = load_dataset("3dpw", dataset_folder / DATASETS["3dpw"].labels, dataset_folder / DATASETS["3dpw"].images)
    body = PareRelease(dataset_folder).body()
    rows = json.loads((tmp_path / "occlusion.json").read_text())["results"]
    assert [row["picture"] for row in rows] == [f"{i:06d}_tiny" for i in range(0, len(data), 3)]
    for row, i in zip(rows, range(0, len(data), 3), strict=True):
        true = body.joints(data.pose[[i]], data.shape[[i]], np.zeros((1, 3)))[0]
        with np.load(tmp_path / f"{row['picture']}.npz") as file:
            np.testing.assert_allclose(file["reference"], true - true[[1, 2]].mean(axis=0), atol=1e-9)
            assert file["orig_per_mpjpe"].shape == (24,)
