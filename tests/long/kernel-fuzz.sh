#!/usr/bin/env bash
# Runs every CPU kernel on random shapes, strides, element types and states between guard pages and compares it with libtorch's operations in float64:
# 100,000 cases (or as many as the first argument says) from a seed (second argument). A case that ends the process is named;
# a fourth argument goes on from a case, with the same random numbers. Then 10,000 steps of every
# differentiable operation without a dispose scope: the memory they hold must not grow.
set -euo pipefail
cd "$(dirname "$0")/../.."
dotnet build -c Release -v q tests/Cresset.Tests.Torch
CRESSET_TEST_KERNEL_CASES=${1:-100000} CRESSET_TEST_KERNEL_SEED=${2:-1} CRESSET_TEST_KERNEL_FIRST=${4:-0} artifacts/bin/Cresset.Tests.Torch/release/Cresset.Tests.Torch --filter-class '*KernelFuzzTests'
CRESSET_TEST_LEAK_STEPS=${3:-3333} artifacts/bin/Cresset.Tests.Torch/release/Cresset.Tests.Torch --filter-class '*LeakLawTests'
