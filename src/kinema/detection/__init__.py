"""Person detection in tiles of an image."""
