"""A factory as a user would write it: EfficientNet-Lite0 with a head of two outputs, and its preprocessing."""

from efficientnet_lite_pytorch import EfficientNet
from torchvision import transforms


def build():
    transform = transforms.Compose(
        [
            transforms.Resize(256, interpolation=transforms.InterpolationMode.BICUBIC),
            transforms.CenterCrop(224),
            transforms.ToTensor(),
            transforms.Normalize([127 / 255] * 3, [128 / 255] * 3),
        ]
    )
    return EfficientNet.from_name("efficientnet-lite0", num_classes=2), transform
