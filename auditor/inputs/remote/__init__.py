"""Shards that lie elsewhere, brought into the cache by fsspec and read there as they are."""
