"""Taking a shortcut out of a model's last layer, and proving on held-out pictures what that did. Pure NumPy, SciPy."""
