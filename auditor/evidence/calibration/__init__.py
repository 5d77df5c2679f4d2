"""Heads of known truth, on which the verdicts are tried."""
