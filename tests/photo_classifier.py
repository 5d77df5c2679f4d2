"""A factory as a user would write it: EfficientNet-Lite0 with a head of two outputs, and its preprocessing."""

from efficientnet_lite_pytorch import EfficientNet
from torchvision import transforms


def build(num_classes: int = 2):
    transform = transforms.Compose(
        [
            transforms.Resize(256, interpolation=transforms.InterpolationMode.BICUBIC),
            transforms.CenterCrop(224),
            transforms.ToTensor(),
            transforms.Normalize([127 / 255] * 3, [128 / 255] * 3),
        ]
    )
    return EfficientNet.from_name("efficientnet-lite0", num_classes=num_classes), transform


def build_one_logit():
    return build(1)
