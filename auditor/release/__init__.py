"""A release as the gate and the diff read it from its audit, and whether it passes."""
