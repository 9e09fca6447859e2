#!/usr/bin/env bash
# Cresset as somebody meets it who installs it: an empty home, an empty package folder, the packages from a local folder and the machine's configured source.
#   tests/long/consumer.sh               packs first; then everything, libtorch downloaded once more (some ten minutes)
#   tests/long/consumer.sh FOLDER        the packages of this folder, such as artifacts/release/packages
#   tests/long/consumer.sh --brief       what .ci/run calls: tool, a program, one template; what the machine has restored already is shared
# Ends with "N passed, N failed".
set -uo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
brief=false
[ "${1:-}" = --brief ] && { brief=true; shift; }
machine=${NUGET_PACKAGES:-$HOME/.nuget/packages}
system=$(dotnet --info | sed -nE 's/^ *RID: +//p')
version=$(sed -nE 's/.*<Version>(.*)<\/Version>.*/\1/p' build/Package.props)
passed=0
failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
log="$work/log"

if [ -n "${1:-}" ]; then packages=$(realpath "$1"); else
    packages=$root/artifacts/packages
    rm -rf "$packages"
    restore=()
    # .ci/run has built and restored it all.
    $brief && restore=(-p:NoBuild=true)
    dotnet pack build/Packages.proj -c Release -v q -nologo "${restore[@]}" &&
        dotnet pack src/Cresset.Cli -c Release -v q -nologo -p:CressetPack=tool -p:ToolPackageRuntimeIdentifiers="$system" -o "$packages" || {
        echo "0 passed, 1 failed"
        exit 1
    }
fi

check() { # check NAME COMMAND...: one more passed or failed, with its time
    local name=$1 start=$SECONDS
    shift
    if "$@" > "$log" 2>&1; then
        passed=$((passed + 1))
        echo "ok     $name ($((SECONDS - start)) s)"
    else
        failed=$((failed + 1))
        echo "FAILED $name"
        grep -v NNPACK "$log" | tail -n 25 | sed 's/^/       /'
    fi
}
says() { grep -qE "$1" "$log.said" || { cat "$log.said"; echo "does not say: $1"; return 1; }; }
run() { "$@" > "$log.said" 2>&1; local code=$?; cat "$log.said"; return $code; }
size() { echo "       $1: $(du -shL "$2" | cut -f1), $(du -sh "$2" | cut -f1) of them not links to the package folder"; }

# The empty machine. The user's sources are those of whoever runs this; the local folder comes before them.
[ -f "$HOME/.nuget/NuGet/NuGet.Config" ] && mkdir -p "$work/home/.nuget/NuGet" && cp "$HOME/.nuget/NuGet/NuGet.Config" "$work/home/.nuget/NuGet/"
export HOME=$work/home DOTNET_CLI_HOME=$work/home NUGET_PACKAGES=$work/packages PATH=$work/home/.dotnet/tools:$PATH
export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_SKIP_FIRST_TIME_EXPERIENCE=1
unset CRESSET_RUNS CI
mkdir -p "$work/home" "$work/here"
cd "$work/here"
{
    echo '<configuration>'
    echo "  <packageSources><add key=\"local\" value=\"$packages\" /></packageSources>"
    # What is restored is shared, except what is tested.
    compgen -G "$machine/cresset*" > /dev/null || echo "  <fallbackPackageFolders><add key=\"machine\" value=\"$machine\" /></fallbackPackageFolders>"
    echo '</configuration>'
} > nuget.config

# -- the tool
install_tool() { dotnet tool install -g cresset --version "$version"; }
tool_answers() { run cresset --help && says 'cresset'; }
doctor_is_content() { run cresset doctor && says 'libtorch +2\.10' && says 'ONNX Runtime' && ! says '^BAD' > /dev/null; }
first_picture() { run cresset train "$@" && find runs -name '*.png' | grep -q .; }
fetches_libtorch() { # in a home without fallback folders and with an empty package folder
    mkdir -p "$work/alone" && cd "$work/alone" && export NUGET_PACKAGES=$work/alone/packages
    run cresset doctor && says 'not there yet' && says 'libtorch-cpu-' && run cresset doctor --fetch && says 'Fetching libtorch' && says 'Checksum right' && says 'libtorch +2\.10' || return 1
    # Found from now on, without a word.
    run cresset train digits-classifier trainer.steps=20 trainer.evaluate_every=20 && ! says 'Fetching' > /dev/null
}
refuses_to_fetch() { (mkdir -p "$work/off" && cd "$work/off" && export NUGET_PACKAGES=$work/off/packages CRESSET_FETCH=off && ! run cresset optim race --steps 3 && says 'CRESSET_FETCH=off' && ! grep -q '^   at ' "$log.said"); }
check "tool: installed" install_tool
size "tool" "$HOME/.dotnet/tools/.store"
check "tool: starts" tool_answers
check "tool: doctor finds everything" doctor_is_content
if $brief; then check "tool: first pictures" first_picture digits-classifier trainer.steps=60 trainer.evaluate_every=30; else
    check "tool: libtorch fetched where it is not there" bash -c "$(declare -f run says fetches_libtorch); work='$work' log='$log'; fetches_libtorch"
    check "tool: told not to fetch, one line" refuses_to_fetch
    check "tool: first pictures" first_picture
fi

# -- a program over tensors
program() { # program FOLDER EXTENSION PACKAGES...: a project of the language, and the packages in it
    local folder=$1 extension=$2
    shift 2
    mkdir -p "$folder"
    {
        echo '<Project Sdk="Microsoft.NET.Sdk"><PropertyGroup><OutputType>Exe</OutputType><TargetFramework>net10.0</TargetFramework><ImplicitUsings>enable</ImplicitUsings><InvariantGlobalization>true</InvariantGlobalization></PropertyGroup><ItemGroup>'
        for package in "$@"; do echo "<PackageReference Include=\"${package%@*}\" Version=\"${package#*@}\" />"; done
        [ "$extension" = fsproj ] && echo '<Compile Include="Program.fs" />'
        echo '</ItemGroup></Project>'
    } > "$folder/$folder.$extension"
}
without_libtorch() {
    program Bare csproj "Cresset.Optim@$version"
    echo 'Console.WriteLine(TorchSharp.torch.ones(2).sum().item<float>());' > Bare/Program.cs
    run dotnet build Bare -v q -nologo && says 'warning CRESSET001' && says "libtorch-cpu-$system" || return 1
    run Bare/bin/Debug/net10.0/Bare && return 1
    says 'libtorch could not be loaded: this program carries none' && [ "$(grep -vc '^$' "$log.said")" -eq 1 ]
}
with_libtorch() {
    program Small csproj "Cresset.Optim@$version" "libtorch-cpu-$system@2.10.0"
    echo 'Console.WriteLine(TorchSharp.torch.ones(2).sum().item<float>());' > Small/Program.cs
    run dotnet build Small -v q -nologo && ! says 'warning' > /dev/null && run Small/bin/Debug/net10.0/Small && says '^2$' || return 1
    # Natives of this system alone.
    [ -z "$(find Small/bin -path '*runtimes/*' -name '*.so' -o -name '*.dll' -path '*runtimes/win*' -o -name '*.dylib' | grep -v "runtimes/$system/")" ]
}
check "program without libtorch: told at build, one line at run time" without_libtorch
check "program with libtorch: builds without a warning, runs" with_libtorch
size "its folder" Small/bin/Debug/net10.0

# -- templates
template() { # template NAME FOLDER RUN...: created, built, tested, run
    local name=$1 folder=$2
    shift 2
    run dotnet new "$name" -o "$folder" || return 1
    (cd "$folder" && run dotnet build -c Release -v q -nologo && ! says 'warning' > /dev/null && run dotnet test -c Release --no-build && says 'failed: 0' && says 'succeeded: [1-9]') || return 1
    if [ $# -gt 0 ]; then (cd "$folder/src/$folder" && run dotnet run -c Release --no-build -- "$@"); fi
}
check "templates: installed" dotnet new install "Cresset.Templates@$version"
check "template cresset-eval: created, built, tested" template cresset-eval Score
check "template cresset-eval: scored by the tool" cresset detect eval --gt Score/scores/truth.json --dt Score/scores/results.json --baseline Score/scores/base.json --max-drop AP=0.01
if ! $brief; then
    check "template cresset-app: created, built, tested, run" template cresset-app Rings train rings.yaml
    size "its folder" Rings/src/Rings/bin/Release/net10.0
    check "template cresset-env: created, built, tested, run" template cresset-env Room train thermostat.yaml training.steps=1500 training.evaluate_every=750
    in_room() { (cd Room/src/Room && run dotnet run -c Release --no-build -- rl check thermostat); }
    check "template cresset-env: its command knows the environment" in_room

    # -- other languages, and no project at all
    fsharp() {
        program Eff fsproj "Cresset.Cpu@$version"
        echo 'printfn "%g" (TorchSharp.torch.ones(3L).sum().item<float32>())' > Eff/Program.fs
        run dotnet build Eff -v q -nologo && run Eff/bin/Debug/net10.0/Eff && says '^3$'
    }
    visual_basic() {
        program Basic vbproj "Cresset.Cpu@$version"
        printf 'Module Program\n  Sub Main()\n    System.Console.WriteLine(TorchSharp.torch.ones(4L).sum().item(Of Single)())\n  End Sub\nEnd Module\n' > Basic/Program.vb
        run dotnet build Basic -v q -nologo && run Basic/bin/Debug/net10.0/Basic && says '^4$'
    }
    file_based() {
        printf '#:package Cresset.Cpu@%s\n#:property PublishAot=false\nusing static TorchSharp.torch;\nConsole.WriteLine(ones(5).sum().item<float>());\n' "$version" > five.cs
        run dotnet run five.cs && says '^5$'
    }
    check "F#" fsharp
    check "Visual Basic" visual_basic
    check "a file without a project" file_based

    # -- published
    single_file() {
        program One csproj "Cresset.Cpu@$version"
        echo 'Console.WriteLine(TorchSharp.torch.ones(6).sum().item<float>());' > One/Program.cs
        run dotnet publish One -c Release -v q -nologo -r "$system" --self-contained -p:PublishSingleFile=true -p:IncludeNativeLibrariesForSelfExtract=true -o one && (cd / && run "$work/here/one/One") && says '^6$'
    }
    managed() { # managed FOLDER PROPERTIES...
        local folder=$1
        shift
        program "$folder" csproj "Cresset.Detection@$version" "Cresset.Rl@$version"
        cat > "$folder/Program.cs" << 'CS'
using Cresset.Detection;
using Cresset.Rl;
using Box = Cresset.Detection.Box;
var made = new CocoEvaluator([new DatasetCategory(1, "person")]);
made.Add(new DatasetImage(7), [new() { CategoryId = 1, Box = new Box(3, 4, 40, 50) }], [new DetectedObject(7, 1, new Box(3, 4, 40, 50), .9)]);
var result = ValueIteration.Solve(new ZhaoGridWorld().Model, new() { Gamma = 0.9 });
Console.WriteLine($"{made.Compute().Stats[0]:0} {result.Iterations > 1}");
CS
        run dotnet publish "$folder" -c Release -v q -nologo -r "$system" "$@" -o "$folder.out" && ! says 'warning' > /dev/null && run "$folder.out/$folder" && says '^1 True$'
    }
    check "one self-contained file with libtorch" single_file
    size "it" one
    check "trimmed (Detection, Rl)" managed Trimmed --self-contained -p:PublishTrimmed=true
    size "it" Trimmed.out
    if compiler=$(command -v clang || command -v gcc); then
        check "compiled ahead of time (Detection, Rl)" managed Ahead -p:PublishAot=true -p:CppCompilerAndLinker="$compiler" -p:StripSymbols=false -p:DebugType=none
        size "it" Ahead.out
    else echo "       not tried: ahead of time (no C compiler)"; fi
    for other in win-x64 win-arm64 osx-arm64; do
        check "published for $other" dotnet publish Rings/src/Rings -c Release -v q -nologo -r "$other" --self-contained false -p:UseAppHost=false -o "other/$other"
        size "it" "other/$other"
    done
    hears_of_other() { run dotnet publish Rings/src/Rings -c Release -v q -nologo -r linux-arm64 --self-contained false -o other/linux-arm64 && says 'warning CRESSET002.*no libtorch package for linux-arm64'; }
    check "published for linux-arm64: says that there is no libtorch" hears_of_other
fi

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
