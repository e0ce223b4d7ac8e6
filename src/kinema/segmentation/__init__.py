"""Person masks: the pixels of each person in a frame, in memory, in files, and from networks."""
