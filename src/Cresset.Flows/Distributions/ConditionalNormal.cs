using Cresset.Nn;
using TorchSharp;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>
/// A normal distribution over vectors [N, D] whose location and scale a network makes from features [N, C]: a base that is conditioned on
/// more than a class (use it with <see cref="ContextUse.Base"/> or <see cref="ContextUse.Both"/>). Starts as the standard normal.
/// </summary>
public sealed class ConditionalNormal : BaseDistribution
{
    private readonly long _features;
    [ComponentName(Name = "network")]
    private readonly MlpConditioner _network;

    /// <summary>Makes the distribution.</summary>
    /// <param name="features">D.</param>
    /// <param name="context">C, features of the context.</param>
    /// <param name="hidden">Widths of the network's hidden layers; none for a linear one.</param>
    public ConditionalNormal(int features, int context, IReadOnlyList<int>? hidden = null)
        : base(nameof(ConditionalNormal))
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(features, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(context, 1);
        _features = features;
        _network = new MlpConditioner(0, 2L * features, hidden ?? [64], context, new SiluActivation(), zeroLast: true);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override int? EventDimensions => 1;

    internal override Tensor? Like => _network.Like;

    /// <inheritdoc/>
    public override Tensor LogProb(Tensor z, Tensor? context = null)
    {
        Cresset.Tensors.Shape.Expect(z, "N D", ("D", _features));
        using var scope = NewDisposeScope();
        var (loc, log) = Shape(z.size(0), context);
        return ((z - loc).square() * (-2 * log).exp() * -0.5 - log - 0.5 * Math.Log(2 * Math.PI)).sum(1).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override Tensor Sample(long count, Tensor? context = null, double temperature = 1, Generator? generator = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        using var scope = NewDisposeScope();
        var (loc, log) = Shape(count, context);
        var noise = randn(loc.shape, dtype: loc.dtype, generator: generator).to(loc.device);
        return (loc + log.exp() * noise * Check(temperature)).MoveToOuterDisposeScope();
    }

    private (Tensor Loc, Tensor Log) Shape(long count, Tensor? context)
    {
        var like = _network.Like;
        var parts = _network.call(zeros([count, 0], dtype: like.dtype, device: like.device), context).chunk(2, 1);
        return (parts[0], parts[1]);
    }
}
