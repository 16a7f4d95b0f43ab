"""What decoding costs by kind of file: foreseen by its header, here, and in another process.

The photograph is made: one of ``export/photos`` enlarged, with a sensor's noise.

    python -m benchmarks.decoding [--megapixels 12] [--rounds 3]
"""

from __future__ import annotations

import argparse
import io
import math
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.systems import ROOT
from models.card import Input
from service.photo.apart import DecoderProcesses
from service.photo.decode import decode
from service.photo.formats import FORMATS
from service.photo.header import read_header
from service.photo.icc import PRIMARIES, matrix_profile

__all__ = ["KINDS", "main", "measure", "photograph"]

WANTED = Input(size=224, resize=256, interpolation="bicubic")
PHOTOGRAPH = ROOT / "export/photos/chelsea.jpg"

_DISPLAY_P3 = matrix_profile(PRIMARIES[12], None)

HAS_HEIC = "HEIC" in FORMATS
if HAS_HEIC:
    from pillow_heif import from_pillow

# Pillow's name of the format, its mode, and options of saving.
KINDS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "JPEG": ("JPEG", "RGB", {"quality": 85}),
    "JPEG Display P3": ("JPEG", "RGB", {"quality": 85, "icc_profile": _DISPLAY_P3}),
    "JPEG progressive": ("JPEG", "RGB", {"quality": 85, "progressive": True}),
    "PNG": ("PNG", "RGB", {"compress_level": 1}),
    "PNG grey": ("PNG", "L", {"compress_level": 1}),
    "PNG transparent": ("PNG", "RGBA", {"compress_level": 1}),
    "PNG Display P3": ("PNG", "RGB", {"compress_level": 1, "icc_profile": _DISPLAY_P3}),
    "PNG 16 bits": ("PNG", "I;16", {"compress_level": 1}),
    "WebP": ("WEBP", "RGB", {"method": 0}),
    "WebP lossless": ("WEBP", "RGB", {"method": 0, "lossless": True, "quality": 0}),
    "GIF": ("GIF", "P", {}),
    "BMP": ("BMP", "RGB", {}),
    "BMP transparent": ("BMP", "RGBA", {}),
    "TIFF": ("TIFF", "RGB", {}),
    "TIFF LZW": ("TIFF", "RGB", {"compression": "tiff_lzw"}),
    "TIFF 16 bits": ("TIFF", "I;16", {"compression": "tiff_adobe_deflate"}),
    "TIFF JPEG": ("TIFF", "RGB", {"compression": "jpeg"}),
    "TIFF palette": ("TIFF", "P", {}),
    "TIFF float": ("TIFF", "F", {}),
    "AVIF": ("AVIF", "RGB", {"quality": 75, "speed": 10}),
    "AVIF transparent": ("AVIF", "RGBA", {"quality": 90, "subsampling": "4:4:4", "speed": 10}),
    **({"HEIC": ("HEIC", "RGB", {"enc_params": {"preset": "ultrafast"}})} if HAS_HEIC else {}),
}


def photograph(megapixels: float) -> Image.Image:
    """Make a photograph of so many megapixels, in RGB."""
    height = round(math.sqrt(megapixels * 1e6 * 3 / 4))
    enlarged = Image.open(PHOTOGRAPH).convert("RGB").resize((height * 4 // 3, height))
    noise = np.random.default_rng(1).normal(0, 4, (height, height * 4 // 3, 1))
    return Image.fromarray((np.asarray(enlarged) + noise).clip(0, 255).astype(np.uint8))


def encoded(image: Image.Image, name: str, mode: str, options: dict[str, Any]) -> bytes:
    """The file of one of ``KINDS``."""
    file = io.BytesIO()
    levels = (image.convert("L") if mode == "I;16" else image).convert(mode)
    if name == "HEIC":
        from_pillow(levels).save(file, **options)
    else:
        levels.save(file, name, **options)
    return file.getvalue()


def measure(data: bytes, processes: DecoderProcesses, rounds: int) -> tuple[float, float, float]:
    """Seconds of decoding one file: foreseen, here and apart; the medians of the rounds."""
    header = read_header(data)
    if header is None:
        raise ValueError("the file's first bytes do not tell what it is")
    here = _median_s(lambda: decode(data, WANTED), rounds)
    apart = _median_s(lambda: processes.decode(data, WANTED), rounds)
    return header.decode_s(WANTED.resize), here, apart


def _median_s(work: Callable[[], object], rounds: int) -> float:
    taken = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def main(arguments: list[str] | None = None) -> None:
    """Print a line for each kind."""
    parser = argparse.ArgumentParser(prog="benchmarks.decoding", description="By kind of file.")
    parser.add_argument("--megapixels", type=float, default=12.0)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(arguments)
    image = photograph(options.megapixels)
    processes = DecoderProcesses(1, seconds=60)
    print(f"{'':18}{'MB':>8}{'foreseen':>10}{'here':>8}{'apart':>8}  ms")
    try:
        processes.decode(PHOTOGRAPH.read_bytes(), WANTED)
        for kind, (name, mode, saving) in KINDS.items():
            data = encoded(image, name, mode, saving)
            foreseen, here, apart = (1e3 * s for s in measure(data, processes, options.rounds))
            print(f"{kind:18}{len(data) / 1e6:8.1f}{foreseen:10.0f}{here:8.0f}{apart:8.0f}")
    finally:
        processes.close()


if __name__ == "__main__":
    main()
