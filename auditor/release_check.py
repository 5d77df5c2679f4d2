"""Whether a release passes: audit, policy and baseline brought together; behind `gate` and its pytest helper."""
