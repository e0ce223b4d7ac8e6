"""Training that goes on from an exported file: the weights read back from ONNX are the network's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

import kinema  # noqa: E402
from kinema.errors import InputError  # noqa: E402
from kinema.models.pose_lifter.network import PoseLifter, PoseLifterConfig  # noqa: E402
from kinema.runtime import onnx_session  # noqa: E402
from kinema.training.export import export_onnx, load_weights  # noqa: E402
from kinema.training.keypoint_lifter import CONFIG  # noqa: E402
from kinema.training.pose_lifter import save_lifter  # noqa: E402

pytestmark = pytest.mark.torch
SHIPPED = Path(kinema.__file__).parent / "models/pose_lifter"


@pytest.mark.parametrize(
    ("file", "config"), [("pose_lifter.onnx", PoseLifterConfig()), ("keypoint_lifter.onnx", CONFIG)]
)
def test_the_shipped_networks_go_on_as_they_are(file, config):
    path = SHIPPED / file
    net = PoseLifter(config)
    net.load_state_dict(load_weights(net, path))
    features = torch.randn(1, 40, config.features, generator=torch.Generator().manual_seed(0))
    expected = onnx_session(path.read_bytes(), threads=1).run(None, {"features": features.numpy()})
    with torch.no_grad():
        found = net.eval()(features)
    for mine, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-4)  # single precision, sums of up to 1728 products


def test_weights_come_back_from_either_file(tmp_path):
    config = PoseLifterConfig(embed=32, width=48)
    torch.manual_seed(1)
    net = PoseLifter(config).eval()
    with torch.no_grad():  # no two tensors are the same, as after training: equal ones would be stored once
        for value in net.parameters():
            value.add_(0.1 * torch.randn_like(value))
    outputs = ("rotations", "sigma", "betas", "up", "contacts")
    export_onnx(
        net, torch.zeros(1, 30, config.features), tmp_path / "net.onnx", inputs="features", outputs=outputs,
        free_axes={1: "frames"}, metadata={},
    )  # fmt: skip
    save_lifter(net, tmp_path, {}, [])
    for file, tolerance in (("net.onnx", 2**-11), ("pose_lifter.safetensors", 0.0)):  # half precision: 11 bits
        found = load_weights(PoseLifter(config), tmp_path / file)
        for name, value in net.state_dict().items():
            np.testing.assert_allclose(found[name], value, rtol=tolerance, atol=1e-7, err_msg=name)


def test_a_network_that_grows_by_a_block_is_the_same_at_first(tmp_path):
    small, large = (PoseLifterConfig(embed=32, width=48, blocks=blocks) for blocks in (1, 2))
    torch.manual_seed(2)
    net, grown = PoseLifter(small).eval(), PoseLifter(large).eval()
    save_lifter(net, tmp_path, {}, [])
    grown.load_state_dict(load_weights(grown, tmp_path / "pose_lifter.safetensors"))
    features = torch.randn(1, 40, small.features)
    with torch.no_grad():
        for mine, theirs in zip(grown(features), net(features), strict=True):
            np.testing.assert_array_equal(mine, theirs)
    save_lifter(grown, tmp_path, {}, [])
    with pytest.raises(InputError, match="another network"):  # it does not shrink
        load_weights(net, tmp_path / "pose_lifter.safetensors")


def test_files_that_cannot_be_continued_are_refused(tmp_path):
    net = PoseLifter()
    with pytest.raises(InputError, match="another network than PoseLifter"):
        load_weights(net, SHIPPED / "keypoint_lifter.onnx")
    whole = (SHIPPED / "pose_lifter.onnx").read_bytes()
    for name, content in (("cut.onnx", whole[:5000]), ("none.safetensors", b"no tensors"), ("empty.onnx", b"")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError):
            load_weights(net, tmp_path / name)
    with pytest.raises(InputError, match="cannot read weights"):
        load_weights(net, tmp_path / "missing.onnx")
