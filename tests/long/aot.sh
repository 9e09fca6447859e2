#!/usr/bin/env bash
# Publishes a small program over the managed libraries trimmed, then ahead of time, and runs both: no warning of the trimmer, the same answer. Some minutes.
# It needs the packages of the runtime and of the AOT compiler, and a C compiler (CC, default clang, else gcc).
set -euo pipefail
cd "$(dirname "$0")/aot"
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
linker="${CC:-$(command -v clang || command -v gcc)}"
publish() {
    echo "== $1"
    shift
    dotnet publish -c Release -v q -nologo -o "$out/app" "$@" 2>&1 | tee "$out/log"
    if grep -qE 'warning (IL|SYSLIB)[0-9]+' "$out/log"; then echo "aot.sh: the trimmer warns"; exit 1; fi
    "$out/app/Consumer"
    du -sh "$out/app" | cut -f1
    rm -rf "$out/app"
}
publish "trimmed" -p:Consumer=trimmed
publish "ahead of time" -p:Consumer=aot -p:CppCompilerAndLinker="$linker" -p:StripSymbols=false
