"""What became of findings from release to release."""
