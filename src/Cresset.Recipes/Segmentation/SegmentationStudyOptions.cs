using Cresset.Nn;
using Cresset.Numerics;

namespace Cresset.Recipes;

/// <summary>The segmentation study: the same U-Net with each upsampler.</summary>
internal sealed record SegmentationStudyOptions : IOptionsRecord
{
    /// <summary>Upsamplers to compare.</summary>
    public IReadOnlyList<UpsamplerOptions> Upsamplers { get; init; } =
    [
        new TransposedUpsampler(), new NearestUpsampler(), new BilinearUpsampler(), new PixelShuffleUpsampler(), new CarafeUpsampler(),
        new DySampleUpsampler(),
    ];

    /// <summary>Channels of the U-Net's levels.</summary>
    public IReadOnlyList<int> Channels { get; init; } = [16, 32, 48];

    /// <summary>Edge of the scenes, in pixels.</summary>
    public int Size { get; init; } = 32;

    /// <summary>Optimizer steps of each training.</summary>
    public int Steps { get; init; } = 400;

    /// <summary>Scenes a step.</summary>
    public int BatchSize { get; init; } = 16;

    /// <summary>Test scenes.</summary>
    public int TestScenes { get; init; } = 200;

    /// <summary>Learning rate of AdamW.</summary>
    public double LearningRate { get; init; } = 3e-3;

    /// <summary>Seed of weights and scenes.</summary>
    public ulong Seed { get; init; }

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Must(Upsamplers is { Count: > 0 } && Upsamplers.All(u => u is not null && !u.Validate().Any())
            && Upsamplers.Select(u => u.GetType()).Distinct().Count() == Upsamplers.Count,
            Upsamplers is null ? null : string.Join(", ", Upsamplers), "one or more upsamplers, each once (cresset list --upsamplers)", "",
            nameof(Upsamplers))
        .Must(Channels is { Count: > 1 } && Channels.All(c => c > 0), Channels is null ? null : string.Join(", ", Channels),
            "two or more positive numbers", "", nameof(Channels))
        .Within(Size, 24, 128)
        .Within(Steps, 1, 1_000_000)
        .Within(BatchSize, 1, 10_000)
        .Within(TestScenes, 1, 100_000)
        .Positive(LearningRate);
}
