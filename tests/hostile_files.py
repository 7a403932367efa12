"""Pictures of every supported format and variant, damaged in every way a stranger might think of.

A file is told by its seed and its number alone: one that breaks something is made again by
`damaged(originals(), seed, number)`.
"""

import io
import struct
import zlib

import numpy as np
from PIL import Image

_EXTREMES = (0x00, 0xFF, 0x7F)
_SIZES = (1, 2, 4, 8)
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_ADAM7 = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2)]
_ADAM7_LAST = (1, 0, 2, 1)


def saved(image, format_name, **options):
    """Encode with Pillow, and any of its options."""
    buffer = io.BytesIO()
    image.save(buffer, format_name, **options)
    return buffer.getvalue()


def originals():
    """Return whole files by name, the same ones every time."""
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[0:50, 0:70].astype(np.float32)
    shades = [128 + 100 * np.sin(rows / (9 + c)) * np.cos(columns / (7 + c)) for c in range(3)]
    grain = rng.normal(0, 5, (50, 70, 1))
    rgb = Image.fromarray((np.stack(shades, -1) + grain).clip(0, 255).astype(np.uint8))
    clear = rgb.convert("RGBA")
    clear.putalpha(Image.fromarray(np.uint8(columns * 3)))
    other = rgb.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    return {
        **_jpegs(rgb),
        **_pngs(rgb, clear, other),
        **_webps(rgb, clear, other),
        **_gifs(rgb, other),
        "avif": saved(rgb, "AVIF", speed=10),
        "avif alpha": saved(clear, "AVIF", speed=10),
        "avif 444": saved(
            rgb, "AVIF", speed=10, subsampling="4:4:4", exif=exif_with_thumbnail(rgb)
        ),
        "avif animated": saved(rgb, "AVIF", speed=10, save_all=True, append_images=[other]),
        **_bmps(rgb, clear),
        **_tiffs(rgb, clear),
    }


def _jpegs(rgb):
    profile = b"\0" * 36 + b"acsp" + bytes(88)
    exif = exif_with_thumbnail(rgb)
    return {
        "jpeg": saved(rgb, "JPEG"),
        "jpeg 444": saved(rgb, "JPEG", subsampling="4:4:4", quality=95),
        "jpeg progressive": saved(rgb, "JPEG", progressive=True),
        "jpeg grey": saved(rgb.convert("L"), "JPEG"),
        "jpeg cmyk": saved(rgb.convert("CMYK"), "JPEG"),
        "jpeg restarts": saved(rgb, "JPEG", restart_marker_blocks=2),
        "jpeg exif": saved(rgb, "JPEG", exif=exif, icc_profile=profile, comment=b"a comment"),
        "jpeg grey progressive": saved(rgb.convert("L"), "JPEG", progressive=True, exif=exif),
    }


def exif_with_thumbnail(rgb):
    """Return EXIF that turns the picture and brings a small JPEG along."""
    thumbnail = saved(rgb.resize((16, 12)), "JPEG")
    first = struct.pack("<HHHIHH", 1, 0x0112, 3, 1, 6, 0) + struct.pack("<I", 26)
    entries = [(0x0103, 3, 1, 6), (0x0201, 4, 1, 68), (0x0202, 4, 1, len(thumbnail))]
    second = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    directory = struct.pack("<H", len(entries)) + second + bytes(4)
    return b"Exif\0\0II*\0" + struct.pack("<I", 8) + first + directory + thumbnail


def _pngs(rgb, clear, other):
    wide = Image.fromarray(np.asarray(rgb.convert("L")).astype(np.uint16) * 257)
    return {
        "png": saved(rgb, "PNG"),
        "png alpha": saved(clear, "PNG", exif=exif_with_thumbnail(rgb)),
        "png palette": saved(rgb.quantize(60), "PNG", transparency=b"\x00\x80"),
        "png palette 4": saved(rgb.quantize(7), "PNG"),
        "png 16": saved(wide, "PNG"),
        "png grey alpha": saved(clear.convert("LA"), "PNG"),
        "png 1": saved(rgb.convert("1"), "PNG"),
        "png interlaced": interlaced_png(np.asarray(rgb)),
        "png animated": saved(rgb, "PNG", save_all=True, append_images=[other]),
        "png text": _with_text(saved(rgb, "PNG")),
    }


def png_chunk(kind, body):
    """Return a whole chunk, its checksum right."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_of(width, height, rows, *, colour=2, depth=8, interlaced=False):
    """Return a PNG of these filtered rows, whatever its header promises."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    chunks = png_chunk(b"IHDR", header), png_chunk(b"IDAT", zlib.compress(rows, 9))
    return _PNG_SIGNATURE + b"".join(chunks) + png_chunk(b"IEND", b"")


def interlaced_png(pixels):
    """Encode pixels, shape (h, w, 3), in the seven passes of Adam7, which Pillow only reads."""
    passes = []
    for top, left, down, across in [*_ADAM7, _ADAM7_LAST]:
        passes += [b"\0" + row.tobytes() for row in pixels[top::down, left::across]]
    height, width = pixels.shape[:2]
    return png_of(width, height, b"".join(passes), interlaced=True)


def _with_text(png):
    packed = zlib.compress(b"a long story " * 200)
    texts = [
        png_chunk(b"tEXt", b"Title\0of it"),
        png_chunk(b"zTXt", b"Comment\0\0" + packed),
        png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + packed),
        png_chunk(b"iCCP", b"profile\0\0" + packed),
    ]
    return png[:33] + b"".join(texts) + png[33:]


def _webps(rgb, clear, other):
    return {
        "webp": saved(rgb, "WebP"),
        "webp lossless": saved(rgb, "WebP", lossless=True),
        "webp alpha": saved(clear, "WebP", exif=exif_with_thumbnail(rgb)),
        "webp animated": saved(rgb, "WebP", save_all=True, append_images=[other]),
    }


def _gifs(rgb, other):
    return {
        "gif": saved(rgb, "GIF"),
        "gif plain": saved(rgb.quantize(30), "GIF", interlace=0, transparency=3, comment=b"made"),
        "gif animated": saved(rgb, "GIF", save_all=True, append_images=[other, rgb], loop=0),
    }


def _bmps(rgb, clear):
    palette = rgb.quantize(100)
    return {
        "bmp": saved(rgb, "BMP"),
        "bmp alpha": saved(clear, "BMP"),
        "bmp palette": saved(palette, "BMP"),
        "bmp 1": saved(rgb.convert("1"), "BMP"),
        "bmp rle8": rle_bmp(70, 50, _run_lengths(np.asarray(palette)), bits=8),
        "bmp rle4": rle_bmp(70, 50, _run_lengths(np.asarray(rgb.quantize(7)) * 17), bits=4),
    }


def _run_lengths(indices):
    """Write rows in runs, one of them as it stands, and one step over nothing."""
    written = b"\0\2\0\1"
    for row in indices[2:]:
        starts = np.flatnonzero(np.diff(row, prepend=-1))
        lengths = np.diff(starts, append=len(row))
        pairs = zip(lengths.tolist(), row[starts].tolist(), strict=True)
        written += bytes(byte for pair in pairs for byte in pair) + b"\0\0"
    return written + b"\0\4\1\2\3\4\0\0" + b"\0\1"


def rle_bmp(width, height, rows, *, bits):
    """Return a BMP of rows in run-length code, which Pillow only reads."""
    palette = bytes(range(256)) * 4
    palette = palette[: 4 << bits]
    start = 54 + len(palette)
    head = struct.pack("<2sIII", b"BM", start + len(rows), 0, start)
    info = (40, width, height, 1, bits, 1 if bits == 8 else 2, len(rows), 0, 0, 1 << bits, 0)
    return head + struct.pack("<IiiHHIIiiII", *info) + palette + rows


def _tiffs(rgb, clear):
    values = np.asarray(rgb.convert("L"))
    compressions = ["packbits", "tiff_lzw", "tiff_adobe_deflate", "jpeg"]
    pixels = np.zeros((64, 80, 3), np.uint8)
    pixels[:50, :70] = np.asarray(rgb)
    return {
        "tiff": saved(rgb, "TIFF"),
        "tiff strips": saved(rgb, "TIFF", strip_size=70 * 3 * 8),
        **{f"tiff {name}": saved(rgb, "TIFF", compression=name) for name in compressions},
        "tiff fax": saved(rgb.convert("1"), "TIFF", compression="group4"),
        "tiff lzw alpha": saved(clear, "TIFF", compression="tiff_lzw"),
        "tiff palette": saved(rgb.quantize(60), "TIFF", compression="tiff_lzw"),
        "tiff cmyk": saved(rgb.convert("CMYK"), "TIFF"),
        "tiff 16": saved(Image.fromarray(values.astype(np.uint16) * 257), "TIFF"),
        "tiff float": saved(Image.fromarray(values.astype(np.float32)), "TIFF"),
        "tiff big": saved(rgb, "TIFF", big_tiff=True),
        "tiff big deflate": saved(
            rgb, "TIFF", big_tiff=True, compression="tiff_adobe_deflate", strip_size=70 * 3 * 8
        ),
        "tiff tiles": tiled_tiff(pixels, 70, 50, compression=1),
        "tiff tiles deflate": tiled_tiff(pixels, 70, 50, compression=8),
        "tiff tiles big-endian": tiled_tiff(pixels, 70, 50, compression=8, order=">"),
    }


def tiff_of(width, height, tags, data=b"", *, order="<"):
    """Return an RGB TIFF of some tags more: a number, or a tuple written after the directory."""
    entries = {256: width, 257: height, 259: 1, 262: 2, 277: 3, 258: (8, 8, 8), **tags}
    directory_end = 8 + 2 + 12 * len(entries) + 4
    fields, after = b"", b""
    for tag, value in sorted(entries.items()):
        if isinstance(value, int):
            fields += struct.pack(order + "HHII", tag, 4, 1, value)
        else:
            place = directory_end + len(after)
            fields += struct.pack(order + "HHII", tag, 4, len(value), place)
            after += struct.pack(f"{order}{len(value)}I", *value)
    mark = b"II" if order == "<" else b"MM"
    head = mark + struct.pack(order + "HIH", 42, 8, len(entries))
    return head + fields + bytes(4) + after + data


def tiled_tiff(pixels, width, height, *, compression, order="<"):
    """Return a TIFF in tiles of 16 x 16, which Pillow only reads."""
    tiles = [
        pixels[y : y + 16, x : x + 16].tobytes()
        for y in range(0, pixels.shape[0], 16)
        for x in range(0, pixels.shape[1], 16)
    ]
    tiles = [zlib.compress(tile) if compression == 8 else tile for tile in tiles]
    lengths = tuple(len(tile) for tile in tiles)
    tags = {322: 16, 323: 16, 259: compression, 324: lengths, 325: lengths}
    start = len(tiff_of(width, height, tags, order=order))
    tags[324] = tuple(start + sum(lengths[:number]) for number in range(len(tiles)))
    return tiff_of(width, height, tags, b"".join(tiles), order=order)


def damaged(wholes, seed, number):
    """Return the name of what was done, and the file: one to three kinds of damage, one by one.

    Parameters
    ----------
    wholes
        As of `originals`; they take turns.
    seed, number
        Equal ones make equal files.
    """
    rng = np.random.default_rng([seed, number])
    names = list(wholes)
    name = names[number % len(names)]
    data = bytearray(wholes[name])
    done = [name]
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        damage = _DAMAGES[rng.integers(len(_DAMAGES))]
        if damage is _spliced:
            data = _spliced(data, rng, wholes[names[rng.integers(len(names))]])
        elif data:
            data = damage(data, rng)
        done.append(damage.__name__.strip("_"))
    # Nearly all damage to a PNG ends at a checksum that is wrong; a stranger writes a right one.
    if name.startswith("png") and rng.random() < 0.7:
        data = _signed(data)
    return " ".join(done), bytes(data)


def _flipped(data, rng):
    for position in rng.integers(0, len(data), rng.integers(1, 17)):
        data[position] ^= 1 << rng.integers(8)
    return data


def _overwritten(data, rng):
    start, stop = _stretch(data, rng)
    data[start:stop] = bytes([_EXTREMES[rng.integers(3)]]) * (stop - start)
    return data


def _scrambled(data, rng):
    start, stop = _stretch(data, rng)
    data[start:stop] = rng.bytes(stop - start)
    return data


def _truncated(data, rng):
    return data[: rng.integers(len(data))]


def _deleted(data, rng):
    start, stop = _stretch(data, rng)
    return data[:start] + data[stop:]


def _duplicated(data, rng):
    start, stop = _stretch(data, rng)
    return data[:stop] + data[start:stop] * int(rng.choice([1, 1, 1, 40])) + data[stop:]


def _swapped(data, rng):
    start, stop = _stretch(data, rng)
    place = rng.integers(len(data) - (stop - start) + 1)
    rest = data[:start] + data[stop:]
    return rest[:place] + data[start:stop] + rest[place:]


def _misled(data, rng):
    """Set numbers of a header, a directory or a marker, which say sizes, counts and offsets."""
    for _ in range(rng.integers(1, 4)):
        size = _SIZES[rng.integers(4)]
        most = 256**size
        values = [0, 1, 2, 9_999, 65_535, most // 2 - 1, most // 2, most - 1, rng.integers(70_000)]
        value = int(values[rng.integers(len(values))]) % most
        order = "little" if rng.integers(2) else "big"
        place = min(_place_of_a_number(data, rng), len(data) - 1)
        data[place : place + size] = value.to_bytes(size, order)
    return data


def _place_of_a_number(data, rng):
    if rng.integers(2):
        return rng.integers(min(64, len(data)))
    if data.startswith((b"II", b"MM")):
        order = "little" if data.startswith(b"II") else "big"
        is_big = 43 in data[2:4]
        directory = int.from_bytes(data[8:16] if is_big else data[4:8], order)
        return directory + int(rng.integers(300))
    marks = {0xFF: b"\xff", 0x89: b"IDAT", 0x52: b"VP8", 0x47: b"\x2c"}
    mark = marks.get(data[0], b"av01")
    return max(0, data.find(mark, int(rng.integers(len(data))))) + int(rng.integers(12))


def _spliced(data, rng, other):
    cut, place = rng.integers(len(data) + 1), rng.integers(len(other))
    return data[:cut] + other[place if rng.integers(2) else min(cut, len(other)) :]


def _trailed(data, rng):
    return data + rng.bytes(rng.integers(1, 3000))


_DAMAGES = [
    _flipped,
    _overwritten,
    _scrambled,
    _truncated,
    _deleted,
    _duplicated,
    _swapped,
    _misled,
    _misled,
    _misled,
    _spliced,
    _trailed,
]


def _stretch(data, rng):
    start = int(rng.integers(len(data)))
    return start, min(len(data), start + int(rng.choice([1, 4, 16, 64, 500])))


def _signed(png):
    """Return a PNG with the checksums of its chunks as they should be, as far as it can be read."""
    place = len(_PNG_SIGNATURE)
    while place + 12 <= len(png):
        end = place + 8 + int.from_bytes(png[place : place + 4], "big")
        if end + 4 > len(png):
            break
        png[end : end + 4] = struct.pack(">I", zlib.crc32(png[place + 4 : end]))
        place = end + 4
    return png
