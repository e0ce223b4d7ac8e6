"""The mixer: Kinema's own refiner of 3D landmarks."""
