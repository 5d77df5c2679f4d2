"""What a CUDA device gives is what the processor gives; where there is none, nothing is shown of it."""

import numpy as np
import pytest
import torch
from built_models import PLAIN
from toy_models import GapCnn

from auditor.models import cam
from auditor.models.encoders.load import load_encoder
from auditor.models.load_classifier import make_classifier
from auditor.models.preprocess import Preprocess

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here"),
]
BATCH = torch.rand(8, 3, 64, 64, generator=torch.Generator().manual_seed(0))


def on(device):
    torch.manual_seed(0)
    return make_classifier(GapCnn(), Preprocess(size=(64, 64), **PLAIN), spec="toy", device=device)


def test_features_logits_and_maps():
    weights = on("cpu").head.weight
    here, there = (cam.forward_with_maps(on(device), BATCH, weights) for device in ("cpu", "cuda"))
    for found, wanted in zip(there, here, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-2, atol=1e-3)  # TF32 has ten bits


def test_embeddings():
    pictures = torch.rand(4, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    here, there = (load_encoder("sample", device=device) for device in ("cpu", "cuda"))
    cosines = (here.encode_images(pictures) * there.encode_images(pictures)).sum(axis=1)
    assert cosines.min() > 0.999
