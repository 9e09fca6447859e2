using Cresset.Data;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>
/// Scores drawn garments of 28x28 pixels with a classifier trained on Fashion-MNIST (<c>data/garments-judge</c> says how it was made).
/// </summary>
internal sealed class GarmentsJudge : PictureJudge
{
    private const string Resource = "garments-judge/judge.safetensors";

    private readonly PictureClassifier _net;
    private readonly Tensor _mean;
    private readonly Tensor _covariance;

    /// <summary>Reads the embedded network.</summary>
    public GarmentsJudge()
    {
        using var stream = typeof(GarmentsJudge).Assembly.GetManifestResourceStream(Resource)
            ?? throw new InvalidOperationException($"The assembly lacks its embedded file {Resource}.");
        using var source = SafetensorsBytes.Read("the embedded judge of garments", stream);
        using var scope = NewDisposeScope();
        _mean = source.Read("feature_mean").DetachFromDisposeScope();
        _covariance = source.Read("feature_covariance").DetachFromDisposeScope();
        var facts = new DataFacts
        {
            Name = "garments",
            Shape = [1, 28, 28],
            Target = TargetKind.Class,
            Classes = [.. Enumerable.Range(0, 10).Select(i => $"{i}")]
        };
        _net = new PictureClassifier(new ClassifierOptions { Width = 16 }, facts);
        StateDict.Load(_net, source, keys: KeyMap.Identity.Drop("feature_"));
        _net.eval();
    }

    /// <summary>Logits [N, 10] and features [N, 64] of pictures [N, 1, 28, 28] in 0..1.</summary>
    public override (Tensor Logits, Tensor Features) Look(Tensor pictures)
    {
        Shape.Expect(pictures, "N 1 28 28");
        using var quiet = no_grad();
        using var scope = NewDisposeScope();
        var all = pictures.split(250, 0).Select(_net.Look).ToList();
        return (cat([.. all.Select(a => a.Logits)]).MoveToOuterDisposeScope(),
            cat([.. all.Select(a => a.Features)]).MoveToOuterDisposeScope());
    }

    /// <summary>Frees the network.</summary>
    public override void Dispose()
    {
        _net.Dispose();
        _mean.Dispose();
        _covariance.Dispose();
    }

    private protected override (Tensor Mean, Tensor Covariance) Real => (_mean, _covariance);
}
