#!/usr/bin/env bash
# Makes what a version is released as, in artifacts/release (or the folder named as argument):
#   packages/    the libraries with their symbols, Cresset.Cpu, Cresset.Templates, the tool (one package a system and the one that points to them)
#   programs/    the command as one self-contained file for every system; it fetches libtorch when that is first needed
#   bom.json     what it is made of (CycloneDX)
#   SHA256SUMS   a checksum of each file
# SYSTEMS="linux-x64 win-x64" makes the tool and the programs for fewer systems; STEPS="packages tool programs bom" makes fewer parts; CRESSET_CUDA=true packs Cresset.Cuda (restores several GB).
# What a package source does not serve is said and left out; the script then ends with 1.
set -uo pipefail
cd "$(dirname "$0")/.."
out=$(realpath -m "${1:-artifacts/release}")
systems=${SYSTEMS:-linux-x64 linux-arm64 win-x64 win-arm64 osx-arm64 osx-x64}
steps=${STEPS:-packages tool programs bom}
missing=()
# Paths of this machine stay out of symbols and assemblies.
export CI=true
log=$(mktemp)
trap 'rm -f "$log"' EXIT
wants() { [[ " $steps " == *" $1 "* ]]; }
step() { # step NAME COMMAND...: quiet while it goes well
    local name=$1
    shift
    echo "== $name"
    if "$@" > "$log" 2>&1; then return 0; fi
    missing+=("$name")
    grep -E 'error|warn' "$log" | sort -u | head -n 5 || tail -n 5 "$log"
    return 1
}
mkdir -p "$out"

if wants packages; then
    rm -rf "$out/packages"
    rm -rf artifacts/packages
    step "packages" dotnet pack build/Packages.proj -c Release -v q -nologo -p:CressetCuda="${CRESSET_CUDA:-false}"
    mkdir -p "$out/packages"
    cp artifacts/packages/*.nupkg artifacts/packages/*.snupkg "$out/packages/"
fi
if wants tool; then
    mkdir -p "$out/packages"
    step "tool" dotnet pack src/Cresset.Cli -c Release -v q -nologo -p:CressetPack=tool "-p:ToolPackageRuntimeIdentifiers=\"${systems// /;}\"" -o "$out/packages"
fi
if wants programs; then
    rm -rf "$out/programs"
    for system in $systems; do
        folder="$out/programs/$system"
        if step "program for $system" dotnet publish src/Cresset.Cli -c Release -v q -nologo -p:CressetPack=single -r "$system" --self-contained true \
            -p:PublishSingleFile=true -p:IncludeNativeLibrariesForSelfExtract=true -p:EnableCompressionInSingleFile=true -o "$folder"; then
            name=cresset
            [[ $system == win-* ]] && name=cresset.exe
            cp LICENSE "$folder/"
            if [[ $system == win-* ]] && command -v zip > /dev/null; then
                (cd "$folder" && zip -q "../cresset-$system.zip" "$name" LICENSE)
            else
                tar -czf "$out/programs/cresset-$system.tar.gz" -C "$folder" "$name" LICENSE
            fi
        fi
        rm -rf "$folder"
    done
fi
if wants bom; then
    tools=$(mktemp -d)
    if step "the CycloneDX tool" dotnet tool install CycloneDX --tool-path "$tools"; then
        # The tool of the newest SDK may be older than its runtime.
        DOTNET_ROLL_FORWARD=Major step "bill of materials" "$tools/dotnet-CycloneDX" src/Cresset.Cli/Cresset.Cli.csproj -o "$out" -fn bom.json -F Json --set-name cresset --set-type Application
    fi
    rm -rf "$tools"
fi

(cd "$out" && find . -type f ! -name SHA256SUMS -printf '%P\n' | LC_ALL=C sort | xargs -d '\n' sha256sum > SHA256SUMS)
(cd "$out" && find . -type f -printf '%10s  %P\n' | sort -k2)
if [ ${#missing[@]} -gt 0 ]; then
    printf 'NOT MADE: %s\n' "${missing[@]}"
    exit 1
fi
