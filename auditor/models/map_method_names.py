"""The ways to draw a map, by name; the command line names them, and does not load torch for it."""

from __future__ import annotations

from typing import Literal

#: The first three are found by themselves (:mod:`auditor.models.map_choice`).
MapMethod = Literal[
    "cam",
    "gradient",
    "centred_gradient",
    "integrated_gradient",
    "grad_cam",
    "grad_cam_pp",
    "xgrad_cam",
    "layer_cam",
    "attention_value",
    "score_cam",
]
#: What a caption calls them.
MAP_METHOD_NAMES: dict[str, str] = {
    "cam": "CAM",
    "gradient": "HiResCAM",
    "centred_gradient": "gradient × (token − mean)",
    "integrated_gradient": "integrated gradients from the mean, halfway",
    "grad_cam": "Grad-CAM",
    "grad_cam_pp": "Grad-CAM++",
    "xgrad_cam": "XGrad-CAM",
    "layer_cam": "Layer-CAM",
    "attention_value": "attention × value",
    "score_cam": "Score-CAM",
}
