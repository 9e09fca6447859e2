#!/usr/bin/env bash
# Eight processes open a store that does not exist, 1,000 times (or as often as the argument says), with a write-ahead log and with a rollback journal, as on
# file systems without shared memory: all get it, none loses a point.
set -euo pipefail
cd "$(dirname "$0")/../.."
[ -n "${BUILT:-}" ] || dotnet build -c Release -v q tests/Cresset.Tests.Managed
CRESSET_TEST_STORE_ROUNDS=${1:-1000} artifacts/bin/Cresset.Tests.Managed/release/Cresset.Tests.Managed --filter-class '*NewStoreTests'
