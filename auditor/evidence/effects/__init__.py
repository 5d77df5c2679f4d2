"""What one rule measures, as pure functions on arrays: screens, gaps, erasures, swaps, and their intervals."""
