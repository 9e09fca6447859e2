using Cresset.Data;
using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>Patches of the eleven real pictures that come with Cresset, grey or in colour; those of four pictures test.</summary>
[Part("real-pictures")]
internal sealed record RealPicturesData : DataSource
{
    /// <summary>The set's name in what is known about a model's data.</summary>
    internal const string SetName = "real-pictures";

    private static readonly string[] Tests = ["camera", "chelsea", "clock", "coffee"];

    /// <summary>Side of a patch in pixels.</summary>
    public int Patch { get; init; } = 48;

    /// <summary>Pixels from one training patch to the next, fewer than a patch where they overlap; 0 for a patch.</summary>
    public int Step { get; init; }

    /// <summary>1 for grey, 3 for colour.</summary>
    public int Channels { get; init; } = 1;

    /// <summary>How the patches are divided.</summary>
    public SplitRule Split { get; init; } = new GivenSplit();

    /// <inheritdoc/>
    public override (int Channels, int Height, int Width)? PictureShape => (Channels, Patch, Patch);

    /// <inheritdoc/>
    public override DataSplit Open(DataUse use)
    {
        ArgumentNullException.ThrowIfNull(use);
        this.ThrowIfInvalid();
        if (use.Target != TargetKind.None) throw new DataMismatchException($"{SetName} has neither classes nor masks.");
        using var scope = NewDisposeScope();
        List<Tensor> train = [], test = [];
        foreach (var name in RealPictures.Names)
        {
            var large = Channels == 1 ? RealPictures.Luminance(name) : RealPictures.Colour(name);
            var patches = Tests.Contains(name) ? test : train;
            var step = Step == 0 || Tests.Contains(name) ? Patch : Step;
            for (long y = 0; y + Patch <= large.size(2); y += step)
            {
                for (long x = 0; x + Patch <= large.size(3); x += step) patches.Add(large.narrow(2, y, Patch).narrow(3, x, Patch));
            }
        }
        if (test.Count == 0 || train.Count == 0)
            throw new DataMismatchException($"{SetName}: a patch of {Patch} pixels does not fit into the pictures.");
        var facts = new DataFacts { Name = SetName, Shape = [Channels, Patch, Patch] };
        return DataSplit.FromTensors(facts, cat([.. train, .. test]), null, Split, test.Count);
    }

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() =>
        new OptionChecks().Within(Patch, 8, 256).Within(Step, 0, 256).OneOf(Channels, [1, 3]).Nested(Split);
}
