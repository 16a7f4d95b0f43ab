"""What a file's own metadata, and the configuration beside it, say of a network's input and labels.

Known are those of ultralytics, of Windows ML and Custom Vision, of timm and of Hugging Face's
transformers (``config.json`` and ``preprocessor_config.json``), and the classes that scikit-learn's
classifiers carry in their last operators.
"""

from __future__ import annotations

import ast
import json
from collections import Counter
from math import floor
from typing import TYPE_CHECKING, Any, TypeGuard

from export.adoption.facts import Facts, Told
from export.adoption.original import AdoptionError
from export.adoption.walk import attribute
from models.card import Label

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from export.adoption.original import Original

__all__ = ["told_beside", "told_by_the_file"]

_MOST_TEXT = 20_000_000
_NAMES = ("names", "labels", "classes", "class_names", "id2label")
_CLASSIFYING = ("classify", "classification", "image-classification")
_RANGES = {  # Windows ML's names: mean and standard deviation on pixels of 0..255
    "NominalRange_0_255": (0.0, 1.0),
    "Normalized_0_1": (0.0, 255.0),
    "Normalized_1_1": (127.5, 127.5),
}
_RESAMPLING = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic", 4: "box", 5: "hamming"}
# Their processors resize the shorter side where the configuration names one number alone.
_CROPPED_BELOW = 384  # ConvNeXt's: larger squares are made of the whole photograph
_BY_SHORTER_SIDE = ("ConvNext", "CLIP", "PoolFormer", "MobileNet", "MobileViT", "Levit")


def told_by_the_file(original: Original) -> list[Told]:
    """What its own metadata and operators tell.

    Raises:
        AdoptionError: They tell that it is no classifier.

    """
    data = original.metadata
    task = data.get("task", "")
    if task and "names" in data and task not in _CLASSIFYING:
        raise AdoptionError(
            f"{original.path.name} was made for the task {task!r} by its own metadata; Booth "
            "serves classifiers (`classify`)."
        )
    tellers = []
    if task == "classify":
        tellers.append(Told("its metadata, as ultralytics writes it", _of_ultralytics(data)))
    if any(key.startswith("Image.") for key in data):
        tellers.append(Told("its metadata, as Windows ML reads it", _of_windows(data)))
    for key, read in _CONFIGURATIONS.items():
        if isinstance(config := _value(data.get(key)), dict):
            tellers += [Told(f"its metadata ({key})", read(config))]
    tellers.append(Told("its metadata", Facts(labels=_first_names(data))))
    tellers.append(Told("its last operator", Facts(labels=_of_operators(original))))
    return tellers


def told_beside(path: Path) -> list[Told]:
    """What ``preprocessor_config.json`` and ``config.json`` in the file's folder tell.

    Optimum puts the file into a folder ``onnx`` below them.
    """
    folders = [path.parent, path.parent.parent] if path.parent.name == "onnx" else [path.parent]
    tellers = []
    for folder in folders:
        config, processor = (
            _json(folder / "config.json"),
            _json(folder / "preprocessor_config.json"),
        )
        if processor:
            by = "preprocessor_config.json beside it"
            tellers.append(Told(by, _of_transformers(processor)))
        if config:
            timm = config.get("pretrained_cfg")
            if isinstance(timm, dict):
                known = {"architecture": config.get("architecture")} | timm
                tellers.append(Told("config.json beside it", _of_timm(known)))
            tellers.append(Told("config.json beside it", _of_config(config)))
    return tellers


def _json(path: Path) -> dict[str, Any] | None:
    try:
        if not path.is_file() or path.stat().st_size > _MOST_TEXT:
            return None
        read = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return None
    return read if isinstance(read, dict) else None


def _value(text: str | None) -> Any:
    """What a metadata string holds: JSON, or a literal of Python's; else the string itself."""
    if not text or len(text) > _MOST_TEXT:
        return None
    for read in (json.loads, ast.literal_eval):
        try:
            return read(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            continue
    return text


def _of_ultralytics(data: Mapping[str, str]) -> Facts:
    """As its ``classify_transforms`` do: shorter side and crop alike, pixels of 0..1."""
    size = _square(_value(data.get("imgsz")))
    return Facts(
        size=size,
        resize=size,
        squash=False,
        interpolation="bilinear",
        mean=(0.0, 0.0, 0.0),
        std=(255.0, 255.0, 255.0),
        bgr=False,
        architecture=data.get("description", "").split(" trained")[0] or None,
        licence=data.get("license"),
    )


def _of_windows(data: Mapping[str, str]) -> Facts:
    order = data.get("Image.BitmapPixelFormat", "")
    known = _RANGES.get(data.get("Image.NominalPixelRange", ""))
    return Facts(
        bgr=order.startswith("Bgr") if order else None,
        mean=(known[0],) * 3 if known else None,
        std=(known[1],) * 3 if known else None,
    )


def _of_timm(config: Mapping[str, Any]) -> Facts:
    """As ``timm.data.create_transform`` does for evaluation."""
    size = _square(config.get("input_size") or config.get("img_size"))
    share = config.get("crop_pct")
    mode = config.get("crop_mode")
    if mode == "border":
        raise AdoptionError(
            "Its pretrained_cfg has the crop mode 'border', which pads photographs; Booth crops "
            "or squashes them."
        )
    names = config.get("label_names")
    return Facts(
        size=size,
        resize=floor(size / share) if size and _is_number(share) and share > 0 else None,
        squash=mode == "squash" if mode else None,
        interpolation=config.get("interpolation"),
        mean=_three(config.get("mean"), 255),
        std=_three(config.get("std"), 255),
        bgr=False if config.get("mean") else None,
        labels=_labels(names, config.get("label_descriptions")),
        architecture=config.get("architecture"),
        licence=config.get("license"),
    )


def _of_config(config: Mapping[str, Any]) -> Facts:
    names = config.get("architectures")
    found = names[0] if isinstance(names, list) and names else config.get("architecture")
    labels = _labels(config.get("label_names"), config.get("label_descriptions"))
    if labels is None and not _are_placeholders(config.get("id2label")):
        labels = _labels(config.get("id2label"))
    return Facts(labels=labels, architecture=found if isinstance(found, str) else None)


def _are_placeholders(names: Any) -> bool:
    """Whether transformers made them up, for want of any: LABEL_0, LABEL_1 ..."""
    return isinstance(names, dict) and all(str(n).startswith("LABEL_") for n in names.values())


def _of_transformers(config: Mapping[str, Any]) -> Facts:
    """As the image processors of transformers do."""
    size, resize, squash = _sides(config)
    mean, std = _scale(config)
    flips = config.get("do_flip_channel_order")
    return Facts(
        size=size,
        resize=resize,
        squash=squash,
        interpolation=_resampling(config.get("resample")),
        mean=mean,
        std=std,
        bgr=bool(flips) if flips is not None else False,
    )


def _resampling(given: Any) -> str | None:
    return _RESAMPLING.get(given, str(given)) if given is not None else None


def _sides(config: Mapping[str, Any]) -> tuple[int | None, int | None, bool | None]:
    """Size, side before the crop, and whether both sides are resized."""
    given, kind = config.get("size"), _processor(config)
    shorter = given.get("shortest_edge") if isinstance(given, dict) else None
    if isinstance(given, int) and any(name in kind for name in _BY_SHORTER_SIDE):
        shorter = given
    side = shorter or _square(given)
    if not isinstance(side, int) or config.get("do_resize") is False:
        return None, None, None
    if "ConvNext" in kind:
        given = config.get("crop_pct")
        share = given if _is_number(given) and given > 0 else 224 / 256
        return (side, int(side / share), False) if side < _CROPPED_BELOW else (side, side, True)
    if "Levit" in kind and shorter:
        side = int(256 / 224 * side)
    crop = _square(config.get("crop_size")) if config.get("do_center_crop") else None
    return crop or side, side, not shorter


def _processor(config: Mapping[str, Any]) -> str:
    kind = config.get("image_processor_type") or config.get("feature_extractor_type") or ""
    return str(kind)


def _scale(config: Mapping[str, Any]) -> tuple[Any, Any]:
    """Mean and standard deviation, on pixels of 0..255."""
    factor = config.get("rescale_factor", 1 / 255)
    if config.get("do_rescale") is False or not _is_number(factor) or factor <= 0:
        factor = 1.0
    per = 1 / factor
    if abs(per - 255) < 1e-3:  # noqa: PLR2004 (written in decimal digits, of which some are cut)
        per = 255.0
    if config.get("do_normalize") is False or not config.get("image_mean"):
        return (0.0,) * 3, (per,) * 3
    return _three(config.get("image_mean"), per), _three(config.get("image_std"), per)


def _three(values: Any, scale: float) -> Any:
    """Three numbers, or one for all three, on pixels of 0..255."""
    if _is_number(values):
        values = [values]
    if not isinstance(values, list | tuple) or not all(map(_is_number, values)):
        return None
    if len(values) == 1:
        values = list(values) * 3
    return tuple(float(v) * scale for v in values) if len(values) == len("rgb") else None


def _is_number(value: Any) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _square(given: Any) -> int | None:
    """One side of [3, S, S], [S, S], {"height": S, "width": S} or S."""
    if isinstance(given, dict):
        given = [given.get("height"), given.get("width")]
    if isinstance(given, list | tuple):
        sides = set(given[-2:])
        given = sides.pop() if len(sides) == 1 else None
    return given if isinstance(given, int) and not isinstance(given, bool) and given > 0 else None


def _first_names(data: Mapping[str, str]) -> tuple[Label, ...] | None:
    return next(filter(None, (_labels(_value(data.get(key))) for key in _NAMES)), None)


def _labels(names: Any, descriptions: Any = None) -> tuple[Label, ...] | None:
    """Labels of a list, of {0: "cat"} or {"cat": 0}, or of "cat, dog"; names need not be unique."""
    ordered = _in_order(names)
    if not ordered or not all(ordered):
        return None
    known = descriptions if isinstance(descriptions, dict) else {}
    times = Counter(ordered)
    return tuple(
        Label(
            name=str(known.get(name) or name),
            category=name if times[name] == 1 else f"{name} ({place})",
        )
        for place, name in enumerate(ordered)
    )


def _in_order(names: Any) -> list[str] | None:
    if isinstance(names, str):
        split = names.splitlines() if "\n" in names.strip() else names.split(",")
        return [name.strip() for name in split if name.strip()] if len(split) > 1 else None
    if isinstance(names, dict):
        names = _by_index(names)
    if not isinstance(names, list | tuple):
        return None
    return [str(name).strip() for name in names]


def _by_index(names: Mapping[Any, Any]) -> list[Any] | None:
    pairs = list(names.items())
    if not all(str(key).isdecimal() for key, _ in pairs):
        pairs = [(value, key) for key, value in pairs]
    if not all(str(key).isdecimal() for key, _ in pairs):
        return None
    pairs = sorted((int(key), value) for key, value in pairs)
    return [v for _, v in pairs] if [k for k, _ in pairs] == list(range(len(pairs))) else None


def _of_operators(original: Original) -> tuple[Label, ...] | None:
    """The classes in the last operators of a classifier of scikit-learn's.

    Numbers alone, 0, 1 and so on, are no names.
    """
    found: list[str] = []
    for node in original.model.graph.node:
        if node.domain == "ai.onnx.ml":
            for name in ("classlabels_strings", "classlabels_int64s", "classlabels_ints"):
                found = _texts(attribute(node, name)) or found
    if not found or found == [str(place) for place in range(len(found))]:
        return None
    return _labels(found)


def _texts(values: Any) -> list[str]:
    if not isinstance(values, list | tuple):
        return []
    return [v.decode(errors="replace") if isinstance(v, bytes) else str(v) for v in values]


_CONFIGURATIONS = {
    "pretrained_cfg": _of_timm,
    "data_config": _of_timm,
    "preprocessor_config": _of_transformers,
}
