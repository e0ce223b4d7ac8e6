"""How a moving camera goes through a clip: points of the background, and the path that explains where they are seen."""
