"""Training of Kinema's own networks, refiners and published lifters. Needs the `torch` extra."""
