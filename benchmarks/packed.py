"""Reading pictures out of shards against reading the same pictures as files: CPU seconds, side by side, and memory.

``python -m benchmarks.packed [--pictures FOLDER] [--images N] [--repeat K] [--work DIR] [--output FILE.json]``

N pictures (those of the folder, again and again, each with bytes of its own) are written as files, as Parquet with row
groups of 100, as Parquet of one row group, as pandas writes it, and as a tar. Each form is listed and hashed
(``load_dataset``), then decoded in its order, in a process of its own; the forms take turns, and the figures are of
CPU seconds (waiting for the disk or for another process is in none), the fastest of K. ``over_files`` counts. (Linux.)
"""

from __future__ import annotations

import argparse
import io
import itertools
import json
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.machine import write_result

FORMS = ("files", "parquet", "parquet_one_group", "tar")
_CLASSES = ("even", "odd")
_SIDE = 224
#: The peak is that of the process's own memory: what ``getrusage`` says begins with that of whoever forked it.
_READ = r"""
import json, re, sys, time
from pathlib import Path
from auditor.inputs.dataset import load_dataset
from auditor.inputs.images import read_image
start = time.process_time()
data = load_dataset(Path(sys.argv[1]))
listed = time.process_time()
for item in data.items:
    read_image(data.root / item.path, min_side=int(sys.argv[2]))
decoded = time.process_time()
peak = int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) / 1024
print(json.dumps([len(data.items), listed - start, decoded - listed, peak]))
"""


def pictures_of(folder: Path, n_images: int) -> list[bytes]:
    """So many pictures, each with other bytes (what stands behind the end of a JPEG is no pixel)."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg"))
    if not paths:
        raise SystemExit(f"no JPEGs in {folder}; give another folder with --pictures")
    again = itertools.islice(itertools.cycle(paths), n_images)
    return [path.read_bytes() + at.to_bytes(4, "big") for at, path in enumerate(again)]


def write_forms(work: Path, pictures: Sequence[bytes]) -> dict[str, Path]:
    """The same pictures in every form, by form."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    for at, data in enumerate(pictures):
        path = work / "files" / _CLASSES[at % 2] / f"{at:07}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    image = pa.array([{"bytes": data, "path": f"{at}.jpg"} for at, data in enumerate(pictures)])
    table = pa.table({"image": image, "label": [_CLASSES[at % 2] for at in range(len(pictures))]})
    pq.write_table(table, work / "parquet.parquet", row_group_size=100)
    pq.write_table(table, work / "parquet_one_group.parquet", row_group_size=len(pictures))
    with tarfile.open(work / "tar.tar", "w") as tar:
        for at, data in enumerate(pictures):
            for name, content in ((f"{at:07}.jpg", data), (f"{at:07}.cls", _CLASSES[at % 2].encode())):
                member = tarfile.TarInfo(name)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    return {form: next(path for path in work.iterdir() if path.stem == form) for form in FORMS}


def read(path: Path) -> list[float]:
    """Pictures, CPU seconds of listing and hashing, of decoding, and the peak of memory in MiB."""
    command = [sys.executable, "-c", _READ, str(path), str(_SIDE)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: list[float] = json.loads(done.stdout)
    return found


def measure(paths: dict[str, Path], repeat: int) -> dict[str, Any]:
    """The fastest of each form, and how many times as long it takes as the same files."""
    rounds = [{form: read(path) for form, path in paths.items()} for _ in range(repeat)]
    found: dict[str, Any] = {}
    for form in FORMS:
        listing, decoding = (min(one[form][at] for one in rounds) for at in (1, 2))
        found[form] = {
            "images": rounds[0][form][0],
            "list_and_hash_cpu_seconds": round(listing, 3),
            "decode_cpu_seconds": round(decoding, 3),
            "peak_mebibytes": round(max(one[form][3] for one in rounds), 1),
        }
    of_files = found["files"]
    for form in FORMS:
        for name in ("list_and_hash", "decode"):
            ratio = found[form][f"{name}_cpu_seconds"] / of_files[f"{name}_cpu_seconds"]
            found[form][f"{name}_over_files"] = round(ratio, 3)
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the forms, read them in turns, and print what each took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=Path, default=Path("sample_data/data/planted"))
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--work", type=Path, help="folder for the copies; default a temporary one")
    parser.add_argument("--output", type=Path)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="packed-", dir=given.work) as folder:
        pictures = pictures_of(given.pictures, given.images)
        mean = round(sum(map(len, pictures)) / len(pictures))
        paths = write_forms(Path(folder), pictures)
        del pictures
        result = {"images": given.images, "mean_bytes": mean, "forms": measure(paths, given.repeat)}
    print(json.dumps(result, indent=2))
    if given.output:
        write_result(given.output, result, reused={})


if __name__ == "__main__":
    main()
