"""Random crops and colours, a whole batch at a time in torch."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from models.normalisation import Normalisation

__all__ = ["Mixed", "augmented", "cut_mixed", "normalised", "resized"]

_WIDEST_ASPECT = 4 / 3
_LEVELS = 255.0


def normalised(x: Tensor, normalisation: Normalisation) -> Tensor:
    """Pixels N x 3 x S x S as the network wants them, channels last."""
    mean, std = (
        torch.tensor(values, device=x.device).view(3, 1, 1)
        for values in (normalisation.mean, normalisation.std)
    )
    return ((x - mean) / std).contiguous(memory_format=torch.channels_last)


def resized(photos: Tensor, side: int) -> Tensor:
    """The whole photographs, for measuring; bilinear as the parts that training takes.

    Args:
        photos: N x S x S x 3, uint8.
        side: Of the result, in pixels.

    Returns:
        N x 3 x side x side, 0..255.

    """
    x = _channels_first(photos)
    if x.shape[-1] == side:
        return x
    return functional.interpolate(x, (side, side), mode="bilinear", antialias=True)


def augmented(photos: Tensor, side: int, smallest_area: float, colour: float) -> Tensor:
    """A random part of each photograph (Szegedy et al. 2015), mirrored or not, in other colours.

    Args:
        photos: N x S x S x 3, uint8.
        side: Of the result, in pixels.
        smallest_area: The least share of the photograph that a part may be.
        colour: Brightness, contrast and saturation change by up to this share.

    Returns:
        N x 3 x side x side, 0..255.

    """
    return _jittered(_cropped(_channels_first(photos), side, smallest_area), colour)


class Mixed(NamedTuple):
    """N photographs, each perhaps with a rectangle of another one.

    Attributes:
        photos: N x 3 x S x S.
        partners: N places: whose rectangle it is.
        shares: N, in 0..1: how much of the photograph is still its own.

    """

    photos: Tensor
    partners: Tensor
    shares: Tensor


def cut_mixed(photos: Tensor, probability: float) -> Mixed:
    """Put a rectangle of another photograph into some of them (CutMix, Yun et al. 2019).

    Args:
        photos: N x 3 x S x S.
        probability: Of each photograph to get one; its area is as likely to be any.

    """
    count, side = len(photos), photos.shape[-1]
    if probability == 0:  # no copy, and the random numbers of a training without it
        device = photos.device
        return Mixed(photos, torch.arange(count, device=device), torch.ones(count, device=device))
    is_chosen = torch.rand(count) < probability
    extent = torch.rand(count).sqrt() * is_chosen
    centre = torch.rand(2, count, 1)
    along = ((torch.arange(side) + 0.5) / side - centre).abs() < extent[:, None] / 2
    inside = along[0, :, :, None] & along[1, :, None, :]
    partners = torch.randperm(count)
    shares = 1 - inside.float().mean((1, 2))
    inside, partners, shares = (part.to(photos.device) for part in (inside, partners, shares))
    return Mixed(torch.where(inside[:, None], photos[partners], photos), partners, shares)


def _channels_first(photos: Tensor) -> Tensor:
    return photos.permute(0, 3, 1, 2).float()


def _cropped(x: Tensor, side: int, smallest_area: float) -> Tensor:
    count = len(x)
    area = torch.empty(count).uniform_(smallest_area, 1)
    aspect = torch.empty(count).uniform_(-1, 1).mul_(math.log(_WIDEST_ASPECT)).exp_()
    width, height = (area * aspect).sqrt().clamp(max=1), (area / aspect).sqrt().clamp(max=1)
    left, top = (torch.empty(count).uniform_(-1, 1) * (1 - extent) for extent in (width, height))
    mirror = torch.randint(0, 2, (count,)) * 2 - 1
    zero = torch.zeros(count)
    transform = torch.stack([width * mirror, zero, left, zero, height, top], 1).view(count, 2, 3)
    grid = functional.affine_grid(transform, [count, 3, side, side], align_corners=False)
    return functional.grid_sample(x, grid.to(x.device), padding_mode="border", align_corners=False)


def _jittered(x: Tensor, colour: float) -> Tensor:
    changes = 1 + torch.empty(3, len(x), 1, 1, 1).uniform_(-colour, colour)
    brightness, contrast, saturation = changes.to(x.device)
    grey = x.mean(1, keepdim=True)
    x = grey + (x - grey) * saturation
    mean = x.mean((1, 2, 3), keepdim=True)
    changed: Tensor = (x - mean) * contrast + mean * brightness
    return changed.clamp(0, _LEVELS)
