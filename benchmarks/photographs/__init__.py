"""The benchmark on real photographs: heads with a measured reliance on something that was put into the pictures."""
