"""The media type of a file, by its name."""

import mimetypes
import os

# The library's own table only, not the machine's: the same types everywhere.
_TYPES = mimetypes.MimeTypes()
# What the older of our Pythons do not know yet, or know by an older name (RFC 9239 for .js).
for _suffix, _kind in {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".map": "application/json",
    ".md": "text/markdown",
    ".log": "text/plain",
    ".rst": "text/plain",
    ".toml": "application/toml",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    ".avif": "image/avif",
    ".webp": "image/webp",
    ".otf": "font/otf",
    ".ttf": "font/ttf",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
    ".flac": "audio/flac",
    ".m4a": "audio/mp4",
    ".ogg": "audio/ogg",
    ".wav": "audio/wav",
    ".mkv": "video/matroska",
    ".ogv": "video/ogg",
    ".7z": "application/x-7z-compressed",
    ".zst": "application/zstd",
    ".pcap": "application/vnd.tcpdump.pcap",
}.items():
    _TYPES.add_type(_kind, _suffix)

# What a suffix of compression means for the type of a file that is asked for by that name: it is no coding then.
_PACKED_TYPES = {
    "gzip": "application/gzip",
    "bzip2": "application/x-bzip2",
    "xz": "application/x-xz",
    "br": "application/octet-stream",
    "compress": "application/x-compress",
}


def media_type(path: str) -> bytes:
    """The Content-Type of a file; text is taken to be UTF-8."""
    # guess_type takes URLs; with "./" in front no file name looks like one.
    kind, packing = _TYPES.guess_type("./" + os.path.basename(path))
    if packing is not None:
        kind = _PACKED_TYPES.get(packing)
    kind = kind or "application/octet-stream"
    return (f"{kind}; charset=utf-8" if kind.startswith("text/") else kind).encode()
