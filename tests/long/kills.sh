#!/usr/bin/env bash
# Kills and signals, many times: every kind of job torn out of its work 50 times, the command killed 50 times inside checkpoints that are written
# in the background, the recorder 50 times with its store repaired in between, 20 signals of each kind. Each time the end must be the same bits.
set -euo pipefail
cd "$(dirname "$0")/../.."
[ -n "${BUILT:-}" ] || dotnet build -c Release -v q
bin=artifacts/bin
kills=${1:-50}
CRESSET_TEST_KILLS=$kills $bin/Cresset.Tests.Torch/release/Cresset.Tests.Torch --filter-class '*ResumeTests'
CRESSET_TEST_KILLS=$kills CRESSET_TEST_SIGNALS=20 $bin/Cresset.Tests.EndToEnd/release/Cresset.Tests.EndToEnd \
  --filter-method '*KilledAndResumedRunsEndBitIdentical' --filter-method '*SaveKillTests.*' --filter-method '*EverySignalSavesAndTheRunEndsWithTheSameBits'
CRESSET_KILLS=$kills $bin/Cresset.Tests.Managed/release/Cresset.Tests.Managed --filter-class '*KillTests'
