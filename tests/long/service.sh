#!/usr/bin/env bash
# Asks a trained model of every kind 100,000 times (or as often as the argument says) from eight threads: the same answers, no tensor left, and no more
# memory at the end than after a fifth of the calls.
set -euo pipefail
cd "$(dirname "$0")/../.."
[ -n "${BUILT:-}" ] || dotnet build -c Release -v q tests/Cresset.Tests.Torch
CRESSET_TEST_CALLS=${1:-100000} artifacts/bin/Cresset.Tests.Torch/release/Cresset.Tests.Torch --filter-method '*AnswersAreTheSameFromManyThreadsAndNothingGrows'
