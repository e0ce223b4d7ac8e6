"""Person masks: which pixels of a frame are whose. In memory, in files, and from networks."""
