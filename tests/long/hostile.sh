#!/usr/bin/env bash
# hostile.sh [CASES [NAME]]: 100,000 damaged files of each kind that lies beside runs: recipes, checkpoints and their index, models and what they say of themselves,
# policies, IDX files, databases (damaged bytes, and rows that a stranger wrote), run.json, event files, and folders taken in from both. Each is read or refused in
# one sentence. NAME takes those whose test has it in its name. MINUTES ends each kind when they are over; it says how far it came. Readers of data: mutate-readers.sh.
set -euo pipefail
cd "$(dirname "$0")/../.."
bin=artifacts/bin
[ -n "${BUILT:-}" ] || dotnet build -c Release -v q tests/Cresset.Tests.Torch
[ -n "${BUILT:-}" ] || dotnet build -c Release -v q tests/Cresset.Tests.Managed
export CRESSET_TEST_CASES=${1:-100000} CRESSET_TEST_MINUTES=${MINUTES:-}
failed=0
for test in MutatedRecipesAreAnsweredOrRefused WhateverTheIndexSaysTheWholeCheckpointsAreFound ADamagedCheckpointIsPassedOver MutatedModelsAnswerOrAreRefused MutatedPoliciesAnswerOrAreRefused \
    MutatedIdxFilesAreReadOrRefused NoDamageCrashesTheReader MutatedFactsAreReadOrRefused MutatedDatabasesAreReadOrRefused RowsThatAStrangerWroteAreReadOrRefused FoldersWithMutatedFilesAreTakenInOrRefused; do
    [[ $test == *"${2:-}"* ]] || continue
    project=Torch
    case $test in NoDamage* | MutatedFacts* | MutatedDatabases* | Rows* | Folders*) project=Managed ;; esac
    $bin/Cresset.Tests.$project/release/Cresset.Tests.$project --filter-method "*.$test" || failed=1
done
exit $failed
