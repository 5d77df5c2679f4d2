"""Class activation maps said in words: the paper's method, pure NumPy and FAISS."""
