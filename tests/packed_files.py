"""Pictures, and shards that hold them, in a folder of a test."""

import csv
import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image


def png(seed: int, side: int = 8) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 255, (side, side, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def write_parquet(
    file: Path, pictures: list[bytes | None], labels: list[object], /, *, names=("duck", "swan"), rows=4, **columns
) -> Path:
    """As Hugging Face's ``datasets`` writes it: a struct of bytes and path, and classes by number."""
    features: dict[str, dict[str, object]] = {"image": {"_type": "Image"}}
    if names is not None:
        features["label"] = {"_type": "ClassLabel", "names": list(names)}
    image = [{"bytes": data, "path": f"{at}.png"} for at, data in enumerate(pictures)]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    table = pa.table({"image": pa.array(image, kind), "label": labels, **columns})
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table.replace_schema_metadata(metadata), file, row_group_size=rows)
    return file


def write_tar(path: Path, members: list[tuple[str, bytes]]) -> Path:
    """A tar of regular files, in the order given; names may stand twice."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as tar:
        for name, data in members:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path


def samples(pictures: list[bytes], labels: list[object], start: int = 0) -> list[tuple[str, bytes]]:
    """Members as WebDataset writes them: a picture and its class for each key."""
    keyed = [
        (f"{start + at:04}", data, str(label)) for at, (data, label) in enumerate(zip(pictures, labels, strict=True))
    ]
    return [member for key, data, label in keyed for member in ((f"{key}.png", data), (f"{key}.cls", label.encode()))]


def tars_of(manifest: Path, folder: Path, per_class: int, shards: int = 2) -> Path:
    """The first pictures of every class of a manifest in tars of a folder, with their classes."""
    with manifest.open(newline="") as file:
        rows = list(csv.DictReader(file))
    labels = sorted({row["label"] for row in rows})
    chosen = [row for label in labels for row in [one for one in rows if one["label"] == label][:per_class]]
    for shard in range(shards):
        members = []
        for row in chosen[shard::shards]:
            members.append((row["path"], (manifest.parent / row["path"]).read_bytes()))
            members.append((str(Path(row["path"]).with_suffix(".cls")), row["label"].encode()))
        write_tar(folder / f"birds-{shard:03}.tar", members)
    return folder
