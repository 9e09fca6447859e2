using Cresset.Flows;
using Cresset.Numerics;

namespace Cresset.Recipes;

/// <summary>A transformer flow that learns to draw pictures by class.</summary>
internal sealed record PictureFlowOptions : IOptionsRecord
{
    /// <summary>Side of a patch.</summary>
    public int Patch { get; init; } = 4;

    /// <summary>Causal maps, every other one from the last patch to the first.</summary>
    public int Blocks { get; init; } = 4;

    /// <summary>Layers of each map's transformer.</summary>
    public int Layers { get; init; } = 2;

    /// <summary>Width of the transformers.</summary>
    public int Width { get; init; } = 96;

    /// <summary>Heads of their attention.</summary>
    public int Heads { get; init; } = 4;

    /// <summary>
    /// Standard deviation of the noise that training adds to pictures in -1..1 and drawing takes away again; without any, pixels of 256
    /// levels have no density.
    /// </summary>
    public double Noise { get; init; } = 0.1;

    /// <summary>Share of labels dropped in training, for guidance.</summary>
    public double LabelDropout { get; init; } = 0.1;

    /// <summary>Guidance of pictures: 0 draws from the model itself, more keeps closer to the class.</summary>
    public double Guidance { get; init; } = 1;

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Within(Patch, 1, 4096)
        .Within(Blocks, 1, 1000)
        .Within(Layers, 1, 1000)
        .Within(Width, 1, 100_000)
        .Must(Heads > 0 && Width % Heads == 0, Heads, $"a divisor of Width = {Width}")
        .Positive(Noise)
        .Within(LabelDropout, 0, 1, includeMax: false)
        .AtLeast(Guidance, 0);

    /// <summary>The model's sizes for pictures of C x H x W in a number of classes.</summary>
    internal TarFlowOptions Model(IReadOnlyList<long> shape, int classes) => new()
    {
        Channels = checked((int)shape[0]),
        Size = checked((int)shape[1]),
        Columns = checked((int)shape[2]),
        Patch = Patch,
        Blocks = Blocks,
        Layers = Layers,
        Width = Width,
        Heads = Heads,
        Classes = classes,
    };
}
