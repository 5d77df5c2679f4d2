"""Reports that are text: for terminals, for CI and for programs."""
