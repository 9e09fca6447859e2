#!/usr/bin/env bash
# Opens 100,000 mutated PyTorch checkpoints: each is read or refused, none crashes, hangs or allocates what it asks for. A few minutes.
set -euo pipefail
cd "$(dirname "$0")/../.."
dotnet build -c Release -v q tests/Cresset.Tests.Torch
CRESSET_FUZZ_CASES="${1:-100000}" OMP_NUM_THREADS=1 timeout 3600 artifacts/bin/Cresset.Tests.Torch/release/Cresset.Tests.Torch --filter-method '*MutatedFilesAreReadOrRefused'
