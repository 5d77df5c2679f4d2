"""Every pair of class and concept: measured, erased, and against permuted presence."""
