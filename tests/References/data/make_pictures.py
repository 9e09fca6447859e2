"""Pictures and arrays that the readers are compared with, made by Pillow 9.4 and NumPy 1.24.

Run in this folder: python3 make_pictures.py
"""
import numpy as np
from PIL import Image, ImageOps

height, width = 10, 14
yy, xx = np.mgrid[0:height, 0:width]
smooth = np.stack([xx * 17, yy * 24, (xx + yy) * 10], -1).astype(np.uint8)
picture = Image.fromarray(smooth)
expected = {"smooth": smooth}

for orientation in range(1, 9):
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture.save(f"turned{orientation}.jpg", quality=97, subsampling=0, exif=exif)
    expected[f"turned{orientation}"] = np.array(ImageOps.exif_transpose(Image.open(f"turned{orientation}.jpg")))
    if orientation in (3, 6):
        picture.save(f"turned{orientation}.png", exif=exif)
        picture.save(f"turned{orientation}.webp", lossless=True, exif=exif)
        picture.save(f"turned{orientation}.tif", tiffinfo={0x0112: orientation})

grey16 = (np.arange(height * width).reshape(height, width) * 467 % 65536).astype(np.uint16)
Image.frombytes("I;16", (width, height), grey16.tobytes()).save("grey16.png")
Image.frombytes("I;16", (width, height), grey16.tobytes()).save("grey16.tif")
expected["grey16"] = grey16

picture.convert("CMYK").save("cmyk.jpg", quality=97)
expected["cmyk"] = np.array(Image.open("cmyk.jpg").convert("RGB"))

alpha = np.concatenate([smooth, (xx * 19).astype(np.uint8)[..., None]], -1)
clear = Image.fromarray(alpha, "RGBA")
for ending in ("png", "tif"):
    clear.save(f"alpha.{ending}")
clear.save("alpha.webp", lossless=True, exact=True)
for name, colour in (("white", (255, 255, 255, 255)), ("black", (0, 0, 0, 255))):
    expected[f"alpha_{name}"] = np.array(Image.alpha_composite(Image.new("RGBA", clear.size, colour), clear).convert("RGB"))

picture.save("plain.bmp")
picture.save("plain.webp", lossless=True)
picture.save("plain.tif", compression="tiff_lzw")
picture.save("plain.png")
picture.convert("P", palette=Image.Palette.ADAPTIVE, colors=255).save("plain.gif")
expected["gif"] = np.array(Image.open("plain.gif").convert("RGB"))
picture.convert("L").save("grey.png")
expected["luma"] = np.array(picture.convert("L"))
frames = [picture, ImageOps.mirror(picture)]
frames[0].save("moving.webp", save_all=True, append_images=frames[1:], lossless=True)

mask = (xx // 4 % 3).astype(np.uint8)
mask[0, 0] = 255
indexed = Image.fromarray(mask, "P")
indexed.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0] + [7] * 750 + [255, 255, 255])
indexed.save("mask.png")
expected["mask"] = mask

plane = smooth[..., 0].astype(np.float32) / 255
for h, w in ((3, 5), (10, 7), (17, 20)):
    resized = Image.fromarray(plane, "F").resize((w, h), Image.Resampling.BILINEAR)
    expected[f"resized_{h}x{w}"] = np.array(resized)

np.savez_compressed("expected.npz", **expected)

values = [0, 1, 2, 100, 127, 7]
arrays = {}
for dtype in ("bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float16", "float32", "float64"):
    arrays[dtype] = np.array(values).astype(dtype).reshape(2, 3)
    if np.dtype(dtype).itemsize > 1:
        arrays[f"big_{dtype}"] = arrays[dtype].astype(np.dtype(dtype).newbyteorder(">"))
arrays["large_uint16"] = np.array([65535], np.uint16)
arrays["large_uint32"] = np.array([4294967295], np.uint32)
arrays["fortran"] = np.asfortranarray(np.arange(24.0).reshape(2, 3, 4))
arrays["scalar"] = np.array(5.0)
arrays["empty"] = np.zeros((0, 3))
arrays["too_large"] = np.array([2**64 - 1], np.uint64)
arrays["complex"] = np.array([1 + 2j])
arrays["text"] = np.array(["a", "bc"])
arrays["bytes"] = np.array([b"a"])
arrays["date"] = np.array(["2020-01-01"], "datetime64[D]")
arrays["record"] = np.array([(1, 2.0)], [("a", "<i4"), ("b", "<f4")])
arrays["extended"] = np.array([1.0], np.longdouble)
np.savez("arrays.npz", **arrays)
