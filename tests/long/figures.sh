#!/usr/bin/env bash
# figures.sh [COMMIT ...]: figures of the house that ARCHITECTURE.md states, of the checked-out commit by default. Seconds.
#   lines     of C# under src
#   public    public types
#   options   records of options (they validate themselves)
#   named     parts: whatever a recipe can say by name
#   switches  switches over the kind or name of something
#   saved     types that save into the one snapshot
set -euo pipefail
cd "$(dirname "$0")/../.."
count() { { git grep -hE -e "$2" "$1" -- 'src/*.cs' || true; } | wc -l; } # count COMMIT PATTERN
printf '%-10s %8s %8s %8s %8s %8s %8s\n' commit lines public options named switches saved
for commit in "${@:-HEAD}"; do
    printf '%-10s %8d %8d %8d %8d %8d %8d\n' "$(git rev-parse --short "$commit")" \
        "$(count "$commit" '^')" \
        "$(count "$commit" '^ *public (static |sealed |abstract |readonly |partial )*(class|record|struct|interface|enum) ')" \
        "$(count "$commit" 'IEnumerable<OptionProblem> Validate\(\)')" \
        "$(count "$commit" '^ *\[Part\("')" \
        "$(count "$commit" '(Kind|Family|Architecture|Algorithm|Optimizer|Quantizer|Upsampler|Prior|Name) switch$|switch \(([A-Za-z]+\.)*(Kind|Family|Architecture|Algorithm|Name)\)')" \
        "$(count "$commit" '(class|record|struct) .*[:,] *ISaved')"
done
