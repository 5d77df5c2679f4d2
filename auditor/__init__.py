"""Finds the shortcuts that an image classifier learnt from its data."""
