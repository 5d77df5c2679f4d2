"""Whether a concept is in a picture, and how far that can be known."""
