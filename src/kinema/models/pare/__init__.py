"""PARE: part attention regressor for 3D human body estimation (Kocabas et al. 2021)."""
