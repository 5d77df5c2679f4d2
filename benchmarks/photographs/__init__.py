"""The benchmark on real photographs: heads with a measured reliance on something that was put into the pictures."""

from pathlib import Path

#: The photographs, where no other folder is named; no part of the project.
PHOTOS = Path(__file__).parents[3] / "shared" / "photos"
