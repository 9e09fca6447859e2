#!/usr/bin/env bash
# Remakes the pictures that were made for the articles: docs/articles/figures.sh [COMMAND]. The others are those of the guides, made by the commands beside them.
set -euo pipefail
cd "$(dirname "$0")/../.."
cresset=${1:-artifacts/bin/Cresset.Cli/release/cresset}
runs=$(mktemp -d)
trap 'rm -rf "$runs"' EXIT
"$cresset" activations plot heaviside sigmoid tanh relu gelu silu -o docs/images/activations-history.png
"$cresset" train detector-digits trainer.steps=320 trainer.evaluate_every=320 trainer.checkpoint_every=320 --runs "$runs"
cp "$runs"/detector-digits-*/samples/detections-000320.png docs/images/detection-scenes.png
