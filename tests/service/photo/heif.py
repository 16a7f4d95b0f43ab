"""AVIF and HEIC files built box by box, from coded pictures that Pillow's plugins write."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from service.photo.boxes import _find, _Span

CONFIGURATION = {b"av01": b"av1C", b"hvc1": b"hvcC"}
BRANDS = {b"av01": (b"avif", b"mif1", b"miaf"), b"hvc1": (b"heic", b"mif1", b"miaf")}


@dataclass(frozen=True)
class Item:
    """One item: what it is, its bytes, and the boxes of its properties."""

    kind: bytes
    data: bytes
    properties: list[bytes] = field(default_factory=list)
    hidden: bool = False


def saved(image: Image.Image, form: str, **options: Any) -> bytes:
    """A file as Pillow writes it; HEIC by pillow-heif."""
    file = io.BytesIO()
    if form == "HEIC":
        import pillow_heif

        pillow_heif.from_pillow(image).save(file, **options)
    else:
        image.save(file, form, **options)
    return file.getvalue()


def four_fields(width: int, height: int) -> Image.Image:
    """A picture that tells each turn and mirroring from the others."""
    fields = Image.new("RGB", (2, 2))
    fields.putdata([(200, 40, 40), (40, 180, 40), (40, 40, 200), (220, 200, 40)])
    return fields.resize((width, height), Image.Resampling.NEAREST)


def turned(image: Image.Image, quarters: int, axis: int | None = None) -> Image.Image:
    """Turn a picture against the clock, then mirror it."""
    image = image.rotate(90 * quarters, expand=True)
    flip = Image.Transpose.FLIP_LEFT_RIGHT if axis else Image.Transpose.FLIP_TOP_BOTTOM
    return image if axis is None else image.transpose(flip)


def coded(image: Image.Image, form: str = "AVIF", **options: Any) -> Item:
    """A picture as an item with its size, its configuration and its number of bits."""
    data = saved(image, form, **options)
    kind = b"av01" if form == "AVIF" else b"hvc1"
    (meta,) = _find(data, _Span(0, len(data)), b"meta")
    inside = _Span(meta.start + 4, meta.end)
    properties = [_whole(data, inside, name) for name in (b"ispe", CONFIGURATION[kind], b"pixi")]
    (pixels,) = _find(data, _Span(0, len(data)), b"mdat")
    return Item(kind, data[pixels.start : pixels.end], [one for one in properties if one])


def _whole(data: bytes, meta: _Span, name: bytes) -> bytes:
    found = _find(data, meta, b"iprp", b"ipco", name)
    return box(name, data[found[0].start : found[0].end]) if found else b""


def box(kind: bytes, content: bytes = b"") -> bytes:
    """One box."""
    return struct.pack(">I4s", 8 + len(content), kind) + content


def full(kind: bytes, content: bytes = b"", version: int = 0, flags: int = 0) -> bytes:
    """A box with a version and flags."""
    return box(kind, struct.pack(">I", version << 24 | flags) + content)


def ispe(width: int, height: int) -> bytes:
    """The property of a size."""
    return full(b"ispe", struct.pack(">II", width, height))


def irot(quarters: int) -> bytes:
    """The property of a turn against the clock, in quarters."""
    return box(b"irot", bytes([quarters]))


def imir(axis: int) -> bytes:
    """The property of a mirroring: 0 swaps top and bottom, 1 left and right."""
    return box(b"imir", bytes([axis]))


def clap(*numbers: int) -> bytes:
    """The property of a clean aperture: width, height, and where its middle is; as fractions."""
    return box(b"clap", struct.pack(">IIIIiIiI", *numbers))


def nclx(primaries: int, transfer: int, matrix: int = 6, full_range: int = 1) -> bytes:
    """The property of what the samples mean (ITU-T H.273)."""
    return box(
        b"colr", b"nclx" + struct.pack(">HHHB", primaries, transfer, matrix, full_range << 7)
    )


def grid(rows: int, columns: int, width: int, height: int) -> Item:
    """A picture that is put together of the items after it."""
    layout = struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, width, height)
    return Item(b"grid", layout, [ispe(width, height)])


def container(
    items: list[Item],
    references: tuple[tuple[bytes, int, tuple[int, ...]], ...] = (),
    brands: tuple[bytes, ...] = (),
) -> bytes:
    """A file whose first item, number 1, is the picture."""
    brands = brands or BRANDS[next(item.kind for item in items if item.kind in BRANDS)]
    start = box(b"ftyp", brands[0] + bytes(4) + b"".join(brands))
    meta = _meta(items, references, 0)
    meta = _meta(items, references, len(start) + len(meta) + 8)
    return start + meta + box(b"mdat", b"".join(item.data for item in items))


def _meta(
    items: list[Item], references: tuple[tuple[bytes, int, tuple[int, ...]], ...], offset: int
) -> bytes:
    numbered = list(enumerate(items, 1))
    handler = full(b"hdlr", bytes(4) + b"pict" + bytes(13))
    entries = b"".join(
        full(b"infe", struct.pack(">HH", number, 0) + item.kind + b"\0", 2, int(item.hidden))
        for number, item in numbered
    )
    kinds = full(b"iinf", struct.pack(">H", len(items)) + entries)
    return full(
        b"meta",
        handler
        + full(b"pitm", struct.pack(">H", 1))
        + _locations(items, offset)
        + kinds
        + _references(references)
        + _properties(items),
    )


def _locations(items: list[Item], offset: int) -> bytes:
    entries = b""
    for number, item in enumerate(items, 1):
        entries += struct.pack(">HHHII", number, 0, 1, offset, len(item.data))
        offset += len(item.data)
    return full(b"iloc", struct.pack(">BBH", 0x44, 0, len(items)) + entries)


def _references(references: tuple[tuple[bytes, int, tuple[int, ...]], ...]) -> bytes:
    boxes = (
        box(kind, struct.pack(f">HH{len(to)}H", item, len(to), *to))
        for kind, item, to in references
    )
    return full(b"iref", b"".join(boxes)) if references else b""


def _properties(items: list[Item]) -> bytes:
    boxes = list(dict.fromkeys(one for item in items for one in item.properties))
    owned = b"".join(
        struct.pack(">HB", number, len(item.properties))
        + bytes(0x80 | boxes.index(one) + 1 for one in item.properties)
        for number, item in enumerate(items, 1)
    )
    return box(
        b"iprp",
        box(b"ipco", b"".join(boxes)) + full(b"ipma", struct.pack(">I", len(items)) + owned),
    )
