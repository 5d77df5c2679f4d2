"""Planted shortcuts: models whose reliance is measured, audited by the product and by its peers.

``python -m benchmarks.planted --seeds A:B [--grid small|full] [--output FILE.json]``; see docs/benchmark.md.
"""
