#!/usr/bin/env bash
# Damages detection files: COCO (60 % of the number), VOC, YOLO and CSV (10 % each), saved evaluators (10 %), and every named format (5 % ground truth, 5 % detections each).
# Each is refused with a named fault, or read; what is read of COCO holds the values that another JSON reader finds.
set -euo pipefail
cd "$(dirname "$0")/../.."
dotnet build -c Release -v q tests/Cresset.Tests.Managed
CRESSET_FUZZ=${1:-170000} artifacts/bin/Cresset.Tests.Managed/release/Cresset.Tests.Managed --filter-method '*MutatedFileTests.*' --filter-method '*FormatPartsTests.DamageIsAFaultAndNoCrash'
