using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>RealNVP over vectors (Dinh et al. 2017): affine couplings with alternating masks.</summary>
public sealed class RealNvp : Flow
{
    /// <summary>Makes the flow; it starts as the identity.</summary>
    /// <param name="options">Size.</param>
    /// <param name="embedding">A network from the caller's context to the <see cref="VectorFlowOptions.Context"/> features.</param>
    public RealNvp(VectorFlowOptions options, nn.Module<Tensor, Tensor>? embedding = null)
        : base(CouplingStack.Make(options.ThrowIfInvalid(), () => new AffineUnivariate(options.Scale)), new NormalBase(options.Features),
            ContextUse.Transform, embedding)
    {
    }
}

/// <summary>A neural spline flow of couplings (Durkan et al. 2019, RQ-NSF (C)).</summary>
public sealed class NeuralSplineCouplingFlow : Flow
{
    /// <summary>Makes the flow; it starts as the identity.</summary>
    /// <param name="options">Size.</param>
    /// <param name="embedding">A network from the caller's context to the <see cref="VectorFlowOptions.Context"/> features.</param>
    public NeuralSplineCouplingFlow(VectorFlowOptions options, nn.Module<Tensor, Tensor>? embedding = null)
        : base(CouplingStack.Make(options.ThrowIfInvalid(), () => new RationalQuadraticSpline(options.Spline)),
            new NormalBase(options.Features), ContextUse.Transform, embedding)
    {
    }
}

/// <summary>NICE (Dinh et al. 2014): additive couplings of halves and a diagonal scaling, with a logistic or normal prior.</summary>
public sealed class Nice : Flow
{
    private readonly CompositeTransform _parts;

    /// <summary>Makes the flow.</summary>
    public Nice(VectorFlowOptions options, bool logistic = true)
        : this(Parts(options.ThrowIfInvalid()), logistic ? new LogisticBase(options.Features) : new NormalBase(options.Features))
    {
    }

    private Nice(CompositeTransform parts, BaseDistribution prior)
        : base(parts, prior) => _parts = parts;

    /// <summary>Sets the last layer's scales from data [N, D]: the prior's deviation for every latent.</summary>
    public void InitializeScale(Tensor x, Tensor? context = null)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var z = x.alias();
        foreach (var part in _parts.Parts.Take(_parts.Parts.Count - 1)) z = part.Forward(z, context).Output;
        ((DiagonalScaling)_parts.Parts[^1]).Initialize(z, Base is LogisticBase ? Math.PI / Math.Sqrt(3) : 1);
    }

    private static CompositeTransform Parts(VectorFlowOptions options)
    {
        List<FlowTransform> parts = [.. Enumerable.Range(0, options.Transforms).Select(i => new Coupling(
            FeatureMasks.Alternating(options.Features, i % 2 == 0),
            new AdditiveUnivariate(),
            (inputs, outputs) =>
                new MlpConditioner(inputs, outputs, options.Hidden, options.Context, options.Activation, zeroLast: true)))];
        parts.Add(new DiagonalScaling(options.Features));
        return new CompositeTransform(parts, options.RecomputeActivations);
    }
}

internal static class CouplingStack
{
    public static CompositeTransform Make(VectorFlowOptions options, Func<Univariate> univariate)
    {
        if (options.Features < 2)
            throw new ArgumentException(
                $"A coupling needs at least two features; Features is {options.Features}. Use an autoregressive flow for one feature.",
                nameof(options));
        var random = options.OrderSeed == 0 ? null : new Random(options.OrderSeed);
        return new CompositeTransform(
            Enumerable.Range(0, options.Transforms).Select(i =>
            {
                var map = univariate();
                return new Coupling(
                    random is null ? FeatureMasks.Alternating(options.Features, i % 2 == 0) : FeatureMasks.Random(options.Features, random),
                    map,
                    // As the identity: sixteen layers of random maps overflow before the first step.
                    (inputs, outputs) =>
                        new MlpConditioner(inputs, outputs, options.Hidden, options.Context, options.Activation).StartAt(map.StartRaw));
            }),
            options.RecomputeActivations);
    }
}
