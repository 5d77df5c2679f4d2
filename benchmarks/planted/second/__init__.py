"""The second edition of the planted benchmark: families that need only the judge, in a world made of features.

Nothing is rendered and no network is trained, so a model takes seconds and many seeds are cheap; see docs/benchmark.md.
"""
