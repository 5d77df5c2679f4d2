"""Pictures, manifests, vocabularies and class names, checked once."""
