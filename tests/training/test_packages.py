"""What training needs is known before it begins."""

from __future__ import annotations

import sys

import pytest

from kinema.__main__ import main
from kinema.errors import UsageError
from kinema.training import packages


@pytest.mark.parametrize("missing", [("onnx",), ("safetensors",), ("torch", "safetensors", "onnx")])
def test_a_missing_package_is_named_before_the_first_epoch(monkeypatch, capsys, tmp_path, missing):
    for name in packages.PACKAGES:
        monkeypatch.setitem(sys.modules, name, None if name in missing else sys)
    with pytest.raises(UsageError, match=rf"needs {' and '.join(missing)}, .*'kinema\[train\]'"):
        packages.require_packages()
    # Neither the data sets nor the output are looked at.
    command = ["train", "refiner", "--dataset", "no-such-data", "--out", str(tmp_path / "out")]
    assert main(command) == 2
    assert "pip install 'kinema[train]'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_with_all_of_them_nothing_is_said(monkeypatch):
    for name in packages.PACKAGES:
        monkeypatch.setitem(sys.modules, name, sys)
    packages.require_packages()
