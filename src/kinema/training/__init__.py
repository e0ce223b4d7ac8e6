"""Training of Kinema's own networks: data, losses, loops. Needs the `torch` extra."""
