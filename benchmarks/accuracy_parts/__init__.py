"""What the benchmarks share; most of it makes the page of `benchmarks/accuracy.py`."""
