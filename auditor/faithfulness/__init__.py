"""Whether explanations show what the model uses: curves, controls and counts; arrays in, records out."""
