#!/usr/bin/env bash
# A folder of 5,000 pictures at 256 pixels, learned from, coded and decoded by the command: the greatest memory of each beside that of 500 pictures.
# usage: tests/long/vq-folder.sh [PICTURES [FOLDER]]   STEPS=100 trains so long.
set -euo pipefail
cd "$(dirname "$0")/../.."
[ -n "${BUILT:-}" ] || dotnet build -c Release -v q src/Cresset.Cli
count=${1:-5000}
work=${2:-$(mktemp -d)}
cresset=$PWD/artifacts/bin/Cresset.Cli/release/cresset
mkdir -p "$work"
cd "$work"
python3 - "$count" <<'PY'
import os, random, struct, sys, zlib

def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

for folder, count in (("few", min(500, int(sys.argv[1]))), ("many", int(sys.argv[1]))):
    os.makedirs(folder, exist_ok=True)
    for i in range(count):
        path = f"{folder}/{i:05d}.png"
        if os.path.exists(path):
            continue
        random.seed(i)
        a, b, c, d = (random.randrange(1, 6) for _ in range(4))
        rows = bytearray()
        for y in range(256):
            rows.append(0)
            for x in range(256):
                rows += bytes(((a * x + b * y) & 255, (x * y >> c) & 255, (d * (x ^ y)) & 255))
        with open(path, "wb") as file:
            file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 256, 256, 8, 2, 0, 0, 0)) + chunk(b"IDAT", zlib.compress(bytes(rows), 1)) + chunk(b"IEND", b""))
PY
measured() {
  python3 - "$@" <<'PY'
import resource, subprocess, sys, time
start = time.time()
code = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL)
print(f"{resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024} MB, {time.time() - start:.0f} s, exit {code}: {' '.join(sys.argv[2:])}")
sys.exit(code)
PY
}
for folder in few many; do
  measured "$cresset" train vqvae-folder data=folder data.path=$folder data.size=256 data.cache_megabytes=64 "trainer.steps=${STEPS:-100}" trainer.batch_size=4 trainer.evaluate_every=0 model.width=16 --runs "runs-$folder" -q
  measured "$cresset" vq encode vqvae-folder $folder -o $folder.cvq --json --runs "runs-$folder"
  measured "$cresset" vq decode vqvae-folder $folder.cvq -o $folder-back --runs "runs-$folder"
done
