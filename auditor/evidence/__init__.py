"""From words to a verdict: what is measured, with its uncertainty."""
