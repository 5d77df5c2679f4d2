"""What the evidence says of pairs and classes: agreement, many tests, states, verdicts and their sentences."""
