"""Pictures, and shards that hold them, in a folder of a test."""

import io
import json
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
