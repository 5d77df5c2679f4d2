"""Classifiers and text-image encoders: loading, tracing, maps."""
