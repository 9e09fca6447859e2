using Cresset.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>A masked autoregressive flow (Papamakarios et al. 2017): density in one pass a transform, samples value by value.</summary>
public sealed class Maf : Flow
{
    /// <summary>Makes the flow; it starts as the identity.</summary>
    /// <param name="options">Size.</param>
    /// <param name="embedding">A network from the caller's context to the <see cref="VectorFlowOptions.Context"/> features.</param>
    public Maf(VectorFlowOptions options, nn.Module<Tensor, Tensor>? embedding = null)
        : base(AutoregressiveStack.Make(options.ThrowIfInvalid(), () => new AffineUnivariate(options.Scale), inverted: false),
            new NormalBase(options.Features), ContextUse.Transform, embedding)
    {
    }
}

/// <summary>An inverse autoregressive flow (Kingma et al. 2016): samples in one pass a transform, density value by value.</summary>
public sealed class Iaf : Flow
{
    /// <summary>Makes the flow; it starts as the identity.</summary>
    /// <param name="options">Size.</param>
    /// <param name="embedding">A network from the caller's context to the <see cref="VectorFlowOptions.Context"/> features.</param>
    public Iaf(VectorFlowOptions options, nn.Module<Tensor, Tensor>? embedding = null)
        : base(AutoregressiveStack.Make(options.ThrowIfInvalid(), () => new AffineUnivariate(options.Scale), inverted: true),
            new NormalBase(options.Features), ContextUse.Transform, embedding)
    {
    }
}

/// <summary>An autoregressive neural spline flow (Durkan et al. 2019, RQ-NSF (AR)).</summary>
public sealed class NeuralSplineFlow : Flow
{
    /// <summary>Makes the flow; it starts as the identity.</summary>
    /// <param name="options">Size.</param>
    /// <param name="embedding">A network from the caller's context to the <see cref="VectorFlowOptions.Context"/> features.</param>
    public NeuralSplineFlow(VectorFlowOptions options, nn.Module<Tensor, Tensor>? embedding = null)
        : base(AutoregressiveStack.Make(options.ThrowIfInvalid(), () => new RationalQuadraticSpline(options.Spline), inverted: false),
            new NormalBase(options.Features), ContextUse.Transform, embedding)
    {
    }
}

internal static class AutoregressiveStack
{
    public static CompositeTransform Make(VectorFlowOptions options, Func<Univariate> univariate, bool inverted)
    {
        var random = options.OrderSeed == 0 ? null : new Random(options.OrderSeed);
        return new CompositeTransform(
            Enumerable.Range(0, options.Transforms).Select(i =>
            {
                var order = Enumerable.Range(0, options.Features).ToArray();
                if (random is not null) random.Shuffle(order);
                else if (i % 2 == 1) Array.Reverse(order);
                var map = univariate();
                var transform = new MaskedAutoregressive(
                    new Made(order, map.Parameters, options.Hidden, options.Context, options.Activation).StartAt(map.StartRaw), map);
                return inverted ? (FlowTransform)new InvertedTransform(transform) : transform;
            }),
            options.RecomputeActivations);
    }
}
