"""Readers of public benchmark sets: each turns a set's official layout into pictures with labels and attributes."""
