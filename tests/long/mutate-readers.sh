#!/usr/bin/env bash
# Damages files of every data reader (CSV, NumPy, PNG, JPEG, WebP, BMP, GIF, TIFF) and of packed codes (200,000 times, and 100,000 more with mended checksums) 100,000 times each kind: a reader takes or refuses them, and nothing else.
set -euo pipefail
cd "$(dirname "$0")/../.."
[ -n "${BUILT:-}" ] || dotnet build -c Release -v q tests/Cresset.Tests.Torch
CRESSET_TEST_MUTATIONS=${1:-100} artifacts/bin/Cresset.Tests.Torch/release/Cresset.Tests.Torch --filter-method '*Torch.Data.*.Mutated*' --filter-method '*CodeFileTests.Mutated*' --filter-method '*.Crafted_headers*'
