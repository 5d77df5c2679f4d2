"""Load an encoder from a spec."""

from __future__ import annotations

from pathlib import Path

from auditor.errors import EncoderError, InputError, ModelError
from auditor.models.encoders.conse import load_conse
from auditor.models.encoders.encoder import Encoder
from auditor.models.encoders.open_clip import load_open_clip
from auditor.models.encoders.sample import load_sample


def load_encoder(spec: str, *, device: str = "cpu", cache_dir: Path | None = None) -> Encoder:
    """Load an encoder.

    Args:
        spec: ``open_clip:ARCH/PRETRAINED`` (fetched once), ``open_clip:ARCH@FILE`` or
            ``open_clip:ARCH/PRETRAINED@FILE`` (local weights), ``sample`` (bundled, rendered scenes only), ``conse``
            (extra ``offline``, photographs).
        device: A torch device.
        cache_dir: Where fetched weights go; None for the hub's own folder.

    Raises:
        EncoderError: unknown spec, weights absent or not fitting, packages absent.
    """
    try:
        if spec == "sample":
            return load_sample(device)
        if spec == "conse":
            return load_conse(device)
        if spec.startswith("open_clip:"):
            return load_open_clip(spec, device, cache_dir)
    except (ModelError, InputError) as error:
        raise EncoderError(str(error)) from error
    raise EncoderError(
        f"encoder '{spec}' is unknown; expected open_clip:ARCH/PRETRAINED, open_clip:ARCH@FILE, sample or conse"
    )
