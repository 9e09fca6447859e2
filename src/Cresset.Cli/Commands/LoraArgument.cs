using System.Globalization;
using Cresset.Diffusion;
using Cresset.Numerics;

namespace Cresset.Cli.Commands;

/// <summary>A LoRA file with its strengths, as <c>FILE[:SCALE[:TEXT]]</c> says them.</summary>
internal sealed record LoraArgument(string Path, LoraScales Scales)
{
    /// <summary>Names of the networks, as <c>sd3 inspect</c> shows them.</summary>
    public static IReadOnlyList<string> Parts { get; } = [.. Enum.GetValues<LoraPart>().Select(Name)];

    public static string Name(LoraPart part) => part switch
    {
        LoraPart.Transformer => "transformer",
        LoraPart.ClipL => "clip-l",
        LoraPart.ClipG => "clip-g",
        LoraPart.T5 => "t5",
        _ => throw new ArgumentOutOfRangeException(nameof(part), part, "No such network."),
    };

    public static LoraArgument Parse(string text, IReadOnlyList<string> skip)
    {
        foreach (var part in skip)
        {
            if (!Parts.Contains(part))
                throw new ArgumentException(
                    $"--lora-skip is '{part}'; allowed are {string.Join(", ", Parts)}.{NearestName.Suggest(part, Parts)}");
        }
        var (path, scales) = (text, new List<double>());
        // A drive letter is not a file: at least two characters stay before the colon.
        while (scales.Count < 2 && path.LastIndexOf(':') is var colon && colon > 1
            && double.TryParse(path[(colon + 1)..], NumberStyles.Float, CultureInfo.InvariantCulture, out var scale))
        {
            if (!double.IsFinite(scale)) throw new ArgumentException($"--lora is '{text}'; its strength must be a finite number.");
            scales.Insert(0, scale);
            path = path[..colon];
        }
        double Of(LoraPart part, double scale) => skip.Contains(Name(part)) ? 0 : scale;
        var (first, words) = scales.Count == 0 ? (1, 1) : (scales[0], scales[^1]);
        return new LoraArgument(path,
            new LoraScales(Of(LoraPart.Transformer, first), Of(LoraPart.ClipL, words), Of(LoraPart.ClipG, words), Of(LoraPart.T5, words)));
    }
}
