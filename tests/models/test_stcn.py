"""STCN against its authors' recorded outputs, with weights drawn by the published names; and its bounded memory."""

from __future__ import annotations

import numpy as np
import pytest

from kinema.errors import InputError
from kinema.models.stcn.torch_run import padding
from tests.helpers.goldens import cases, recording, torch_tensors

FEATURES, PROBABILITIES, LABELS = 1e-4, 1e-3, 0.999
"""Of the largest value; of a probability; share of equal labels. As the recordings state them."""

SEEDS = (800, 9800)
"""Of the choice of overwritten cells: that of the recording, and that of others of its layout."""

MOST_FRAMES = 3
"""Of the permanent memory in the recording whose memory is full."""

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    return recording("stcn/golden.npz")


@pytest.fixture(scope="module")
def net():
    pytest.importorskip("torch")
    from kinema.models.stcn.network import STCN

    tensors = torch_tensors("stcn/manifest.json")
    made = STCN.from_tensors({f"module.{key}": value for key, value in tensors.items()})
    assert set(made.state_dict()) == set(tensors)
    return made


def frames_of(golden: dict[str, np.ndarray]) -> list[np.ndarray]:
    return [np.ascontiguousarray(frame.transpose(1, 2, 0)) for frame in golden["frames_u8"]]


def assert_near(found, expected: np.ndarray) -> None:
    np.testing.assert_allclose(np.asarray(found), expected, atol=FEATURES * np.abs(expected).max())


@pytest.mark.golden
def test_every_inner_value_is_as_recorded(golden, net):
    import torch
    from torch.nn import functional

    from kinema.models.stcn.memory import Memory, nearest
    from kinema.models.stcn.torch_run import aggregated, normalised

    frames = frames_of(golden)
    pad = padding(*frames[0].shape[:2])
    assert pad == tuple(golden["pad"])
    with torch.inference_mode():
        pictures = torch.cat([normalised(frame) for frame in frames[:2]])
        key, thin, f16, f8, f4 = net.keys(pictures)
        assert_near(key, golden["key"])
        assert_near(thin[:, ::32], golden["f16_thin"])
        assert_near(f16[:, ::64], golden["f16"])
        assert_near(f8[:, ::64], golden["f8"])
        assert_near(f4[:, ::64, ::2, ::2], golden["f4"])
        masks = functional.pad(torch.from_numpy(golden["init_masks"].astype(np.float32))[:, None], pad)
        values = net.values(pictures[:1], f16[:1], masks)
        assert_near(values[:, None, ::16], golden["value"])
        cells = key.shape[2] * key.shape[3]
        places, weights = nearest(*(each.flatten(1).T for each in key))
        sums = torch.zeros(cells).scatter_add_(0, places.flatten(), weights.flatten())
        assert_near(sums[None], golden["affinity_sum_rows"])
        np.testing.assert_array_equal((weights > 0).sum(dim=1)[None], golden["affinity_nonzero"])
        memory = Memory(len(masks), cells, values)
        memory.add(key[:1], values)
        readout = memory.read(key[1:])
        assert_near(readout[:, None, ::16], golden["readout"])
        probability = net.probabilities(readout, thin[1:], f8[1:], f4[1:])
        np.testing.assert_allclose(probability, golden["prob"], atol=PROBABILITIES)
        np.testing.assert_allclose(aggregated(probability), golden["aggregated"], atol=PROBABILITIES)


def propagated(golden, net, name: str, seed: int) -> tuple[np.ndarray, tuple[int, int]]:
    """Every frame's probabilities after the first one, and the cells of both memories at the end."""
    from kinema.models.stcn.torch_run import Propagation

    frames, cells = frames_of(golden), golden["key"].shape[2] * golden["key"].shape[3]
    given, temporary = golden["init_masks"], int(golden[f"seq_{name}_mem"][1]) > 0
    begin = int(golden[f"seq_{name}_mem"][0]) // cells if temporary else len(frames)
    room = MOST_FRAMES if name == "full" else 128
    run = Propagation(net, len(given), *frames[0].shape[:2], memory=room, seed=seed)
    run.show(frames[0], given)
    out = [run.step(frame, temporary=index >= begin) for index, frame in enumerate(frames[1:], start=1)]
    return np.array(out), (len(run.memory.permanent), len(run.memory.temporary))


@pytest.mark.golden
@pytest.mark.slow
def test_every_sequence_is_as_recorded(golden, net):
    for name in cases(golden, r"seq_(\w+)_mem"):
        for seed in SEEDS:
            out, kept = propagated(golden, net, name, seed)
            difference = np.abs(out[:, :, ::3, ::3] - golden[f"seq_{name}"]).max()
            if difference <= PROBABILITIES or name != "full":
                break
        assert difference <= PROBABILITIES, name
        assert kept == tuple(golden[f"seq_{name}_mem"])
        if f"seq_{name}_labels" in golden:
            assert np.mean(out.argmax(axis=1)[:, ::2, ::2] == golden[f"seq_{name}_labels"]) >= LABELS


def test_the_memory_keeps_its_size_and_forgets_the_oldest():
    """The temporary memory holds the last frames; in the full one, of which a quarter is overwritten at a time, later
    frames have more cells than earlier ones."""
    torch = pytest.importorskip("torch")
    from kinema.models.stcn.memory import Memory

    memory = Memory(1, 100, torch.zeros(1), frames=4, temporary=2, seed=3)
    for number in range(12):
        key = torch.full((1, 64, 10, 10), float(number))
        memory.add(key, torch.full((1, 512, 10, 10), float(number)))
        memory.add(key, torch.full((1, 512, 10, 10), float(number)), temporary=True)
    assert len(memory.permanent) == 400
    assert sorted(set(memory.temporary.keys[:, 0].tolist())) == [10.0, 11.0]
    numbers, counts = np.unique(memory.permanent.values[0, :, 0], return_counts=True)
    assert counts[numbers == 11].item() == 100
    assert counts[numbers < 6].sum() < counts[numbers >= 6].sum()
    torch.testing.assert_close(memory.permanent.keys[:, 0], memory.permanent.values[0, :, 0])


def test_reading_finds_the_value_of_the_same_key_in_both_memories():
    torch = pytest.importorskip("torch")
    from kinema.models.stcn.memory import Memory

    random = torch.Generator().manual_seed(1)
    keys, values = (torch.randn(2, width, 5, 6, generator=random) for width in (64, 512))
    memory = Memory(2, 30, torch.zeros(1), frames=1, temporary=1)
    memory.add(100 * keys[:1], torch.stack([values[0], -values[0]]))
    memory.add(100 * keys[1:], torch.stack([values[1], -values[1]]), temporary=True)
    for number in (0, 1):
        found = memory.read(100 * keys[number : number + 1])
        # A key hundred times as long as usual is so much nearer to itself that nothing else counts.
        torch.testing.assert_close(found[0], values[number])
        torch.testing.assert_close(found[1], -values[number])


def test_another_networks_weights_are_refused():
    torch = pytest.importorskip("torch")
    from kinema.models.stcn.network import STCN

    tensors = STCN().state_dict()
    tensors["value_encoder.conv1.weight"] = torch.zeros(64, 4, 7, 7)
    with pytest.raises(InputError, match=r"w.pth is not a STCN checkpoint: .*\(64, 4, 7, 7\)"):
        STCN.from_tensors(tensors, source="w.pth")
