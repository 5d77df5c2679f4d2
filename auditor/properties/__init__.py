"""Properties of pictures that can be measured exactly, and set."""
