"""Training of refiners: published losses, real learning on small data, resuming, and its output files."""

from __future__ import annotations

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from kinema.__main__ import main  # noqa: E402
from kinema.errors import InputError, OutputError, UsageError  # noqa: E402
from kinema.models.refiner import load_refiner  # noqa: E402
from kinema.models.smoothnet.datasets import RefinerClips, load_smoothnet_data  # noqa: E402
from kinema.models.synsp.network import SynSPOutput  # noqa: E402
from kinema.temporal.windows import slide  # noqa: E402
from kinema.training.refiner import RefinerTraining, smoothnet_loss, synsp_loss, train_refiner  # noqa: E402
from kinema.training.refiner_sources import ClipSource  # noqa: E402
from tests.helpers.goldens import cases, each_case, recording  # noqa: E402

pytestmark = pytest.mark.torch


@pytest.mark.golden
def test_smoothnets_loss_is_the_published_one():
    golden = recording("smoothnet/golden.npz")
    weights = cases(golden, r"loss\.total_w([\d.]+)")
    pred, true = (torch.from_numpy(golden[f"loss.{name}"]).transpose(1, 2) for name in ("pred", "gt"))
    found = {}
    for windows in (False, True):  # the recording does not say along which axis its time runs
        p, t = (x if windows else x.transpose(1, 2) for x in (pred, true))
        found[windows] = [float(smoothnet_loss(p, t, 1.0, w)) for w in (*map(float, weights), 0.0)]
    expected = [float(golden[f"loss.{name}"]) for name in (*(f"total_w{w}" for w in weights), "pos_only")]
    assert any(np.allclose(each, expected, rtol=1e-5) for each in found.values())


@pytest.mark.golden
@each_case("kind,weight", "synsp/golden.npz", r"loss\.(\w+)\.wacc([\d.]+)")
def test_synsps_loss_is_the_published_one(kind, weight):
    golden = recording("synsp/golden.npz")
    outs = [torch.from_numpy(golden[f"loss.{kind}.out{i}"]) for i in range(3)]
    true = torch.from_numpy(golden[f"loss.{kind}.gt"])
    parts = synsp_loss(outs, true, 1.0, float(weight), over_views=true.dim() == 4)
    np.testing.assert_allclose([float(p) for p in parts], golden[f"loss.{kind}.wacc{weight}"], rtol=1e-5)


def test_the_multi_view_loss_runs_over_frames_without_parity():
    still = torch.zeros(1, 4, 8, 6)
    moving = still + torch.arange(4.0)[None, :, None, None] ** 2  # differs between views, not in time
    out = SynSPOutput(moving, moving, moving)
    plain, parity = (synsp_loss(out, still, 0.0, 1.0, over_views=v)[0] for v in (False, True))
    assert float(plain) == 0
    assert float(parity) > 0


def clips(seed: int, count: int = 4, frames: int = 120, joints: int = 3, name: str = "toy") -> RefinerClips:
    """Smooth ground truth with white noise."""
    rng = np.random.default_rng(seed)
    truth, estimated = [], []
    for _ in range(count):
        t = np.arange(frames)[:, None] / 30
        wave = np.sin(2 * np.pi * rng.uniform(0.3, 1.0, 3 * joints) * t + rng.uniform(0, 6, 3 * joints))
        truth.append(0.3 * wave)
        estimated.append(truth[-1] + rng.normal(scale=0.03, size=wave.shape))
    names = tuple(f"clip {i}" for i in range(count))
    return RefinerClips(name, "3d", names, tuple(estimated), tuple(truth), (0,), 1000.0)


def options(**changes) -> RefinerTraining:
    small = {"window": 16, "hidden": 32, "inner": 16, "blocks": 1, "dropout": 0.0, "epochs": 6, "batch": 64}
    return RefinerTraining(**{**small, "learning_rate": 5e-3, **changes})


def test_smoothnet_learns_and_its_files_say_the_same(tmp_path):
    held = clips(1)
    lines = []
    about = train_refiner([ClipSource(clips(0))], held, options(), tmp_path, say=lines.append)
    assert len(about["history"]) == len(lines) == 6
    assert about["kept"]["position"] < 0.9 * about["kept"]["input_position"]
    assert about["kept"]["acceleration"] < 0.5 * about["kept"]["input_acceleration"]
    plain = load_refiner(tmp_path / "refiner.safetensors")
    onnx = load_refiner(tmp_path / "refiner.onnx")
    for refiner in (plain, onnx):
        assert (refiner.kind, refiner.window, refiner.representation) == ("smoothnet", 16, "3d")
    a, b = (slide(held.detected[0], 16, refiner.run) for refiner in (plain, onnx))
    np.testing.assert_allclose(a, b, atol=2e-3)  # the ONNX file stores large matrices in half precision


def test_a_stopped_training_goes_on_as_if_it_had_not_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr("kinema.training.export.export_onnx", lambda *args, **settings: None)  # slow, and not in doubt
    sources, held = [ClipSource(clips(0))], clips(1)
    whole = train_refiner(sources, held, options(dropout=0.2), tmp_path / "whole", say=lambda line: None)
    train_refiner(sources, held, options(dropout=0.2), tmp_path / "parts", say=lambda line: None, until=2)
    again = train_refiner(sources, held, options(dropout=0.2), tmp_path / "parts", say=lambda line: None)
    assert again["history"] == whole["history"]
    with pytest.raises(UsageError, match="a training with other settings"):
        train_refiner(sources, held, options(hidden=16), tmp_path / "parts", say=lambda line: None)


def test_synsp_trains_on_one_and_on_several_views(tmp_path):
    held = clips(1, count=1, frames=20)
    small = options(network="synsp", window=8, width=16, layers=1, epochs=2)
    about = train_refiner([ClipSource(clips(0, 1, 30)), ClipSource(clips(5, 1, 30))], held, small, tmp_path / "one",
                          say=lambda line: None)  # fmt: skip
    assert np.isfinite(about["kept"]["position"])
    torch_net, onnx = (load_refiner(tmp_path / "one" / f"refiner.{end}") for end in ("safetensors", "onnx"))
    assert (torch_net.kind, onnx.kind, onnx.coordinates) == ("synsp", "synsp", 9)
    a, b = (slide(held.detected[0], 8, refiner.run) for refiner in (torch_net, onnx))
    np.testing.assert_allclose(a, b, atol=5e-3)

    def views(seed):
        one = clips(seed, count=4, frames=12)
        pairs = [(np.stack(side[:2]), np.stack(side[2:])) for side in (one.detected, one.truth)]
        return RefinerClips("views", "3d", ("a", "b"), *pairs, (0,), 1000.0)

    about = train_refiner([ClipSource(views(0))], views(1), small, tmp_path / "two", say=lambda line: None)
    assert about["config"]["views"] == 2
    assert np.isfinite(about["kept"]["acceleration"])
    with pytest.raises(UsageError, match="only SynSP sees several views"):
        train_refiner([ClipSource(views(0))], views(1), options(window=8), tmp_path / "no")


def write_layout(folder, dataset="pw3d", estimator="spin", joints=17):
    """A copy of the published layout with two clips per phase."""
    rng = np.random.default_rng(0)
    base = folder / f"{dataset}_{estimator}_3D"
    for part in ("detected", "groundtruth"):
        (base / part).mkdir(parents=True)
    for phase in ("train", "test"):
        truth = [np.cumsum(rng.normal(size=(n, joints * 3)), axis=0) * 0.01 for n in (50, 40)]
        estimated = [clip + 0.02 * rng.normal(size=clip.shape) for clip in truth]
        images = [[f"walk/{i:06d}.jpg" for i in range(len(clip))] for clip in truth]

        def packed(values):
            array = np.empty(len(values), dtype=object)
            array[:] = values
            return array

        stem = f"{dataset}_{estimator}_3D_{phase}.npz"
        np.savez(base / "detected" / stem, joints_3d=packed(estimated), imgname=packed(images))
        np.savez(base / "groundtruth" / f"{dataset}_gt_3D_{phase}.npz", joints_3d=packed(truth), imgname=packed(images))
    return estimated, truth


def test_the_published_layout_is_read_and_trained_on_from_the_command_line(tmp_path, capsys):
    _, truth = write_layout(tmp_path / "poses")
    test = load_smoothnet_data(tmp_path / "poses", "pw3d", "spin", "3d", "test")
    assert (test.coordinates, test.root, len(test.detected)) == (42, (2, 3), 2)
    np.testing.assert_allclose(test.truth[0].reshape(-1, 14, 3)[:, 0], truth[0].reshape(-1, 17, 3)[:, 6])
    argv = ["train", "refiner", "--data", str(tmp_path / "poses"), "--dataset", "pw3d", "--estimator", "spin",
            "--window-size", "8", "--hidden", "16", "--epochs", "2", "--out", str(tmp_path / "out")]  # fmt: skip
    assert main(argv) == 0
    assert "epoch 2 of 2" in capsys.readouterr().out
    recipe = json.loads((tmp_path / "out" / "refiner.json").read_text())["recipe"]
    assert recipe["data"] == ["pw3d_spin_3d"]
    assert (recipe["inner"], recipe["learning_rate"], recipe["batch"]) == (16, 1e-4, 128)  # as published for 3DPW


def test_seventeen_joints_mapped_to_fourteen(tmp_path):
    _, truth = write_layout(tmp_path, "mupots", "tposenet")
    plain = load_smoothnet_data(tmp_path, "mupots", "tposenet", "3d", "test")
    ordered = load_smoothnet_data(tmp_path, "mupots", "tposenet", "3d", "test", aist14=True)
    assert (plain.coordinates, plain.root, ordered.coordinates, ordered.root) == (51, (14,), 42, (2, 3))
    order = recording("synsp/golden.npz")["jointmap.mupots2aist"]
    expected = truth[1].reshape(-1, 17, 3)[:, order].reshape(-1, 42)
    np.testing.assert_array_equal(ordered.truth[1], expected)
    with pytest.raises(UsageError, match="not for 3d pw3d"):
        load_smoothnet_data(tmp_path, "pw3d", "spin", "3d", "test", aist14=True)


def test_published_settings():
    h36m = RefinerTraining.published("smoothnet", "h36m", "3d")
    assert (h36m.batch, h36m.learning_rate, h36m.inner, h36m.blocks) == (1024, 1e-3, 128, 5)
    synsp = RefinerTraining.published("synsp", "h36m", "3d")
    assert (synsp.decay, synsp.epochs, synsp.batch, synsp.window) == (0.8, 10, 64, 8)
    smpl = RefinerTraining.published("synsp", "aist", "smpl", epochs=3)
    assert (smpl.width, smpl.epochs, smpl.acceleration_weight) == (256, 3, 1.0)


def test_invalid_data_and_settings_are_refused(tmp_path):
    with pytest.raises(InputError, match="give the folder that holds DATASET_ESTIMATOR_REP folders"):
        load_smoothnet_data(tmp_path, "pw3d", "spin", "3d", "test")
    write_layout(tmp_path / "poses")
    with pytest.raises(UsageError, match="unknown representation '4d'"):
        load_smoothnet_data(tmp_path / "poses", "pw3d", "spin", "4d", "test")
    good = clips(0, count=1)
    broken = good.detected[0].copy()
    broken[5, 2] = np.nan
    with pytest.raises(InputError, match="clip 0: the estimate holds a value that is not a number in frame 5"):
        RefinerClips("toy", "3d", good.names, (broken,), good.truth, (0,), 1.0)
    with pytest.raises(InputError, match=r"the estimate has shape \(119, 9\), the truth \(120, 9\)"):
        RefinerClips("toy", "3d", good.names, (broken[1:],), good.truth, (0,), 1.0)
    with pytest.raises(InputError, match="contains no sequence"):
        RefinerClips("toy", "3d", (), (), (), (0,), 1.0)
    with pytest.raises(UsageError, match="`network` must be one of"):
        RefinerTraining(network="gru")
    with pytest.raises(UsageError, match="at most 100"):
        RefinerTraining(network="synsp", window=128)
    with pytest.raises(UsageError, match="9 coordinates of 1 views, other 12"):
        train_refiner([ClipSource(clips(0)), ClipSource(clips(0, joints=4, name="other"))], clips(1),
                      options(network="synsp", window=8), tmp_path / "o")  # fmt: skip
    assert main(["train", "refiner", "--dataset", "pw3d", "--out", str(tmp_path / "x")]) == 2
    assert main(["train", "refiner", "--dataset", "mocap", "--out", str(tmp_path / "x")]) == 2
    lists = ["--dataset", "a,b,c", "--estimator", "x,y", "--out", str(tmp_path / "x")]
    assert main(["train", "refiner", *lists]) == 2


def test_a_folder_that_cannot_be_written_to_is_known_before_the_first_epoch(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    said = []
    options = RefinerTraining("smoothnet", 8, hidden=8, inner=4, blocks=1, epochs=1)
    for out in (tmp_path / "file", tmp_path / "file" / "out"):
        with pytest.raises(OutputError, match="file"):
            train_refiner([ClipSource(clips(0))], clips(1), options, out, say=said.append)
    assert said == []
