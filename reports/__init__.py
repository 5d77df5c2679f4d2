"""Reports read the store and compute no finding."""
