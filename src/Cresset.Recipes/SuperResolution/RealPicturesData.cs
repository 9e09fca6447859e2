using Cresset.Data;
using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>Grey patches of the eleven real pictures that come with Cresset; those of four pictures test.</summary>
[Part("real-pictures")]
public sealed record RealPicturesData : DataSource
{
    /// <summary>The set's name in what is known about a model's data.</summary>
    internal const string SetName = "real-pictures";

    private static readonly string[] Tests = ["camera", "chelsea", "clock", "coffee"];

    /// <summary>Side of a patch in pixels.</summary>
    public int Patch { get; init; } = 48;

    /// <summary>How the patches are divided.</summary>
    public SplitRule Split { get; init; } = new GivenSplit();

    /// <inheritdoc/>
    public override (int Channels, int Height, int Width)? PictureShape => (1, Patch, Patch);

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
            var large = RealPictures.Luminance(name);
            var patches = Tests.Contains(name) ? test : train;
            for (long y = 0; y + Patch <= large.size(2); y += Patch)
            {
                for (long x = 0; x + Patch <= large.size(3); x += Patch) patches.Add(large.narrow(2, y, Patch).narrow(3, x, Patch));
            }
        }
        if (test.Count == 0 || train.Count == 0) throw new DataMismatchException($"{SetName}: a patch of {Patch} pixels does not fit into the pictures.");
        var facts = new DataFacts { Name = SetName, Shape = [1, Patch, Patch] };
        return DataSplit.FromTensors(facts, cat([.. train, .. test]), null, Split, test.Count);
    }

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks().Within(Patch, 8, 256).Nested(Split);
}
