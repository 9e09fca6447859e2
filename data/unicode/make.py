"""Writes composition.bin: what canonical composition (Unicode form C) needs, from Python's unicodedata.

Layout, little endian: uint32 n, then n rows (code point, first, second or 0, composes 0/1) of uint32;
uint32 m, then m rows (code point, combining class) of uint32; then 240 pairs of
(uint32 length, uint32[length]) with the compatibility form of U+FF01..U+FFF0.
"""
import struct, unicodedata, os

rows, classes = [], []
for c in range(0x110000):
    if 0xD800 <= c < 0xE000 or 0xAC00 <= c < 0xD7A4:
        continue
    d = unicodedata.decomposition(chr(c))
    if d and not d.startswith("<"):
        p = [int(x, 16) for x in d.split()]
        a, b = p[0], p[1] if len(p) > 1 else 0
        composes = int(bool(b) and unicodedata.normalize("NFC", chr(a) + chr(b)) == chr(c))
        rows.append((c, a, b, composes))
    k = unicodedata.combining(chr(c))
    if k:
        classes.append((c, k))
out = struct.pack("<I", len(rows)) + b"".join(struct.pack("<4I", *r) for r in rows)
out += struct.pack("<I", len(classes)) + b"".join(struct.pack("<2I", *r) for r in classes)
for c in range(0xFF01, 0xFFF1):
    k = [ord(x) for x in unicodedata.normalize("NFKC", chr(c))]
    out += struct.pack("<I", len(k)) + struct.pack("<%dI" % len(k), *k)
open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "composition.bin"), "wb").write(out)
print(unicodedata.unidata_version, len(rows), len(classes), len(out))
