#!/usr/bin/env bash
# service.sh [CALLS [KIND]]: asks a trained model of every kind (or of one) 100,000 times from eight threads: the same answers, no tensor left, and no more
# memory at the end than after a fifth of the calls.
set -euo pipefail
cd "$(dirname "$0")/../.."
[ -n "${BUILT:-}" ] || dotnet build -c Release -v q tests/Cresset.Tests.Torch
CRESSET_TEST_CALLS=${1:-100000} CRESSET_TEST_KIND=${2:-} artifacts/bin/Cresset.Tests.Torch/release/Cresset.Tests.Torch --filter-method '*AnswersAreTheSameFromManyThreadsAndNothingGrows'
