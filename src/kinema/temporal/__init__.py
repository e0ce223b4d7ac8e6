"""Sequences over time: filters, sliding windows, gaps, resampling. Pure functions on arrays."""
