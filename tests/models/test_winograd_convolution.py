"""Winograd's convolutions compute what torch's do."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from kinema.models.winograd_convolution import LEAST, WinogradConvolution, fits, replace_convolutions  # noqa: E402

pytestmark = pytest.mark.torch


@pytest.mark.parametrize(("count", "inputs", "outputs", "height", "width"), [
    (1, 3, 5, 1, 1), (2, 8, 4, 4, 4), (1, 5, 7, 13, 6), (3, 16, 2, 50, 70), (1, 2, 3, 5, 300),
])  # fmt: skip
@pytest.mark.parametrize("bias", [True, False])
def test_any_size(count, inputs, outputs, height, width, bias):
    """Rounding grows with the sums, of up to 144 products here: 1e-5 of results near one."""
    torch.manual_seed(0)
    convolution = torch.nn.Conv2d(inputs, outputs, 3, padding=1, bias=bias)
    given = torch.randn(count, inputs, height, width)
    for form in (torch.contiguous_format, torch.channels_last):
        with torch.inference_mode():
            found = WinogradConvolution(convolution)(given.contiguous(memory_format=form))
            torch.testing.assert_close(found, convolution(given), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("activation", [torch.nn.SiLU(), torch.nn.ReLU(), None])
@pytest.mark.parametrize("mixing", [True, False])
def test_what_follows_the_convolution(bias, activation, mixing):
    """Rounding as above: what follows changes sizes little."""
    torch.manual_seed(0)
    convolution = torch.nn.Conv2d(6, 20, 3, padding=1, bias=bias)
    pointwise = torch.nn.Conv2d(20, 7, 1, bias=bias) if mixing else None
    given = torch.randn(2, 6, 30, 41).contiguous(memory_format=torch.channels_last)
    kept = given.clone()
    with torch.inference_mode():
        expected = convolution(given)
        for each in (activation, pointwise):
            expected = expected if each is None else each(expected)
        found = WinogradConvolution(convolution, activation, pointwise)(given)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(given, kept, atol=0, rtol=0)


def test_only_those_that_gain_are_replaced():
    wide = torch.nn.Conv2d(LEAST, LEAST, 3, padding=1)
    others = [
        torch.nn.Conv2d(LEAST, LEAST, 1), torch.nn.Conv2d(LEAST, LEAST, 3, stride=2, padding=1),
        torch.nn.Conv2d(LEAST, LEAST // 2, 3, padding=1), torch.nn.Conv2d(LEAST, LEAST, 3), torch.nn.ReLU(),
    ]  # fmt: skip
    assert fits(wide)
    assert not any(map(fits, others))
    net = replace_convolutions(torch.nn.Sequential(wide, torch.nn.Sequential(*others)))
    assert isinstance(net[0], WinogradConvolution)
    assert list(net[1]) == others
