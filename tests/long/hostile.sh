#!/usr/bin/env bash
# 100,000 damaged files of each kind that lies beside runs: recipes, checkpoints and their index, models and what they say of themselves, policies, IDX files,
# databases (damaged bytes, and rows that a stranger wrote), run.json, event files, and folders taken in from both. Each is read or refused in one sentence.
# The argument scales it (1: the share in CI; 100: about 100,000 of most kinds). The data readers are in mutate-readers.sh.
set -euo pipefail
cd "$(dirname "$0")/../.."
dotnet build -c Release -v q tests/Cresset.Tests.Torch
dotnet build -c Release -v q tests/Cresset.Tests.Managed
scale=${1:-100}
bin=artifacts/bin
CRESSET_TEST_MUTATIONS=$scale $bin/Cresset.Tests.Torch/release/Cresset.Tests.Torch --filter-method '*HostileStateTests.*' --filter-method '*MutatedRecipesAreAnsweredOrRefused'
CRESSET_TEST_MUTATIONS=$scale $bin/Cresset.Tests.Managed/release/Cresset.Tests.Managed --filter-method '*HostileStoreTests.*' --filter-method '*EventFileTests.NoDamageCrashesTheReader'
