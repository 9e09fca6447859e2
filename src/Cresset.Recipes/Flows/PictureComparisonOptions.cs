using Cresset.Data;
using Cresset.Numerics;

namespace Cresset.Recipes;

/// <summary>What the comparison of generative models over pictures trains, and how it judges.</summary>
internal sealed record PictureComparisonOptions : IOptionsRecord
{
    /// <summary>Pictures with classes.</summary>
    public DataSource Data { get; init; } = new FashionData();

    /// <summary>Optimizer steps of each transformer flow.</summary>
    public int FlowSteps { get; init; } = 1000;

    /// <summary>Optimizer steps of flow matching and of diffusion.</summary>
    public int RegressionSteps { get; init; } = 1000;

    /// <summary>Optimizer steps of the judge.</summary>
    public int JudgeSteps { get; init; } = 400;

    /// <summary>Examples per step.</summary>
    public int BatchSize { get; init; } = 64;

    /// <summary>Width of the transformer flows.</summary>
    public int FlowWidth { get; init; } = 96;

    /// <summary>Width of the U-Nets' first level; a multiple of 8.</summary>
    public int Width { get; init; } = 16;

    /// <summary>Side of the transformer flows' patches.</summary>
    public int Patch { get; init; } = 4;

    /// <summary>Guidance of all models: 1 is the plain conditional model.</summary>
    public double Guidance { get; init; } = 1.5;

    /// <summary>Pictures that each way of drawing is judged by.</summary>
    public int Samples { get; init; } = 1000;

    /// <summary>Held-out pictures whose likelihood is measured.</summary>
    public int LikelihoodPictures { get; init; } = 128;

    /// <summary>Learning rate of Adam; falls to 0 along a cosine.</summary>
    public double LearningRate { get; init; } = 1e-3;

    /// <summary>Seed.</summary>
    public int Seed { get; init; }

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Must(Data is not null, Data, "a data set with classes (cresset list --data)")
        .Nested(Data)
        .Within(FlowSteps, 1, 1_000_000)
        .Within(RegressionSteps, 1, 1_000_000)
        .Within(JudgeSteps, 1, 1_000_000)
        .Within(BatchSize, 1, 100_000)
        .Must(FlowWidth > 0 && FlowWidth % 4 == 0, FlowWidth, "a multiple of 4, the heads")
        .Must(Width > 0 && Width % 8 == 0, Width, "a multiple of 8, the groups of its norms")
        .Within(Patch, 1, 4096)
        .AtLeast(Guidance, 0)
        .Within(Samples, 20, 100_000)
        .Within(LikelihoodPictures, 1, 2_000)
        .Positive(LearningRate)
        .AtLeast(Seed, 0);
}
