"""Size of the base installation: a fresh virtual environment with this package and its pinned dependencies only.

    python benchmarks/install_size.py

Prints the size in megabytes (10^6 bytes) of site-packages without pip and setuptools, the largest packages, and
whether torch was installed.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
INSTALLERS = ("pip", "setuptools", "pkg_resources", "_distutils_hack")


def size(path: Path) -> int:
    """Total size in bytes of all files below `path`."""
    return sum(file.lstat().st_size for file in ([path] if path.is_file() else path.rglob("*")) if file.is_file())


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder) / "bin" / "python"
        install = ["-m", "pip", "install", "--quiet", "-c", str(ROOT / "constraints.txt"), str(ROOT)]
        subprocess.run([python, *install], check=True, stderr=subprocess.DEVNULL)
        (site,) = Path(folder).glob("lib/python*/site-packages")
        sizes = {entry.name: size(entry) for entry in site.iterdir() if not entry.name.startswith(INSTALLERS)}
    print(f"{sum(sizes.values()) / 1e6:.0f} MB on Python {sys.version_info.major}.{sys.version_info.minor}")
    for name in sorted(sizes, key=sizes.__getitem__, reverse=True)[:10]:
        print(f"  {sizes[name] / 1e6:6.1f} MB  {name}")
    print("torch is installed" if "torch" in sizes else "torch is not installed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
