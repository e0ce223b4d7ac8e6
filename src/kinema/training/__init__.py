"""Training of Kinema's own networks, of refiners and of published lifters. Needs the `torch` extra."""
