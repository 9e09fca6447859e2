using TorchSharp;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>Turns integer data into continuous data whose density bounds the data's probability.</summary>
public static class Dequantization
{
    /// <summary>(v + u) / levels with u uniform on [0, 1) (Uria et al. 2013): values in [0, 1).</summary>
    /// <param name="values">Integer values 0 .. levels - 1, any shape.</param>
    /// <param name="levels">Number of levels.</param>
    /// <param name="generator">Source of randomness.</param>
    /// <exception cref="ArgumentOutOfRangeException">A value lies outside.</exception>
    public static Tensor Uniform(Tensor values, int levels, Generator? generator = null)
    {
        Check(values, levels);
        using var scope = NewDisposeScope();
        var noise = rand(values.shape, generator: generator).to(values.device);
        return ((values.to(ScalarType.Float32) + noise) / levels).clamp_max(1).MoveToOuterDisposeScope();
    }

    internal static void Check(Tensor values, int levels)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(levels, 2);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        if (values.numel() == 0) return;
        double low = values.min().to(ScalarType.Float64).ToDouble(), high = values.max().to(ScalarType.Float64).ToDouble();
        if (!(low >= 0 && high <= levels - 1))
            throw new ArgumentOutOfRangeException(nameof(values),
                $"Values from {low:g6} to {high:g6}; {levels} levels are 0 .. {levels - 1}.");
        if (values.is_floating_point() && values.ne(values.round()).any().ToBoolean())
            throw new ArgumentOutOfRangeException(nameof(values),
                $"Values from {low:g6} to {high:g6} are not whole. Data that was scaled already (such as pixels in [0, 1]) goes back to "
                    + $"its levels first: (values * {levels - 1}).round().");
    }
}

/// <summary>
/// Variational dequantization (Ho et al. 2019, Flow++): the noise comes from a flow conditioned on the data, so the bound log P(v) &gt;=
/// E[log p(v + u) - log q(u | v)] is tighter than with uniform noise.
/// </summary>
public sealed class VariationalDequantization : nn.Module
{
    private readonly int _levels;
    private readonly long _features;
    [ComponentName(Name = "noise")]
    private readonly Flow _noise;

    /// <summary>Makes the noise model over flattened data of <paramref name="features"/> values.</summary>
    public VariationalDequantization(int levels, int features, VectorFlowOptions? options = null)
        : base(nameof(VariationalDequantization))
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(levels, 2);
        _levels = levels;
        _features = features;
        _noise =
            new RealNvp(
                (options ?? new VectorFlowOptions { Transforms = 4, Hidden = [64] }) with { Features = features, Context = features });
        RegisterComponents();
    }

    /// <summary>Dequantized values (v + u) / levels [N, ...] and the log-density of them that the bound subtracts [N].</summary>
    public (Tensor Values, Tensor LogDensity) Apply(Tensor values, Generator? generator = null)
    {
        Dequantization.Check(values, _levels);
        using var scope = NewDisposeScope();
        var flat = values.to(ScalarType.Float32).flatten(1);
        Cresset.Tensors.Shape.Expect(flat, "N D", ("D", _features));
        var context = flat / (_levels - 1) * 2 - 1;
        var (raw, log) = _noise.SampleWithLogProb(flat.size(0), context, generator);
        // The sigmoid brings the noise into (0, 1); its log-derivative is -softplus(raw) - softplus(-raw).
        var u = raw.sigmoid();
        var density = log + (nn.functional.softplus(raw, 1, 30) + nn.functional.softplus(-raw, 1, 30)).sum(1)
            + flat.size(1) * Math.Log(_levels);
        return (((flat + u) / _levels).reshape(values.shape).MoveToOuterDisposeScope(), density.MoveToOuterDisposeScope());
    }

    /// <summary>The bound on log P(v) in nats [N] of a density model over values in [0, 1].</summary>
    public Tensor Bound(DensityModel model, Tensor values, Generator? generator = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        using var scope = NewDisposeScope();
        var (x, log) = Apply(values, generator);
        return (model.LogProb(x) - log).MoveToOuterDisposeScope();
    }
}
