"""The pose lifter: Kinema's own prior of body pose, from landmarks over time."""
