"""Cuts the first 10,000 training pictures out of Fashion-MNIST's own files: python3 make.py /usr/share/datasets/fashion-mnist"""
import gzip, io, os, struct, sys

COUNT = 10000
here = os.path.dirname(os.path.abspath(__file__))


def cut(name, header, each):
    data = gzip.open(os.path.join(sys.argv[1], f"train-{name}.gz"), "rb").read()
    magic, _ = struct.unpack(">II", data[:8])
    content = struct.pack(">II", magic, COUNT) + data[8:header] + data[header:header + COUNT * each]
    packed = io.BytesIO()
    # Without a name and a time the same bytes come out every time.
    with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=packed, mtime=0) as out:
        out.write(content)
    with open(os.path.join(here, f"garments-{name}.gz"), "wb") as out:
        out.write(packed.getvalue())


cut("images-idx3-ubyte", 16, 784)
cut("labels-idx1-ubyte", 8, 1)
