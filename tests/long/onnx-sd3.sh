#!/usr/bin/env bash
# Exports the transformer of SD3 medium with random float16 weights: 4 GB beside the file, memory at most 1.2 times that. Some minutes and 9 GB of disk.
set -euo pipefail
cd "$(dirname "$0")/onnx-sd3"
dotnet run -c Release -- "$@"
