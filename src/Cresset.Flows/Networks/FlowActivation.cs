using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>The activation of a small network.</summary>
public enum FlowActivation
{
    /// <summary>max(x, 0).</summary>
    Relu,

    /// <summary>Exponential linear unit.</summary>
    Elu,

    /// <summary>Hyperbolic tangent: smooth, as a velocity field should be.</summary>
    Tanh,

    /// <summary>log(1 + exp x): smooth (FFJORD).</summary>
    Softplus,

    /// <summary>x sigmoid(x): smooth.</summary>
    Silu,

    /// <summary>Scaled exponential linear unit.</summary>
    Selu,
}

internal static class FlowActivations
{
    public static Tensor Apply(FlowActivation kind, Tensor x) => kind switch
    {
        FlowActivation.Relu => x.relu(),
        FlowActivation.Elu => nn.functional.elu(x, 1),
        FlowActivation.Tanh => x.tanh(),
        FlowActivation.Softplus => nn.functional.softplus(x, 1, 20),
        FlowActivation.Silu => nn.functional.silu(x),
        FlowActivation.Selu => nn.functional.selu(x),
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "Unknown activation."),
    };

    /// <summary>The derivative at x; <paramref name="value"/> is the activation there.</summary>
    public static Tensor Derivative(FlowActivation kind, Tensor x, Tensor value)
    {
        using var scope = TorchSharp.torch.NewDisposeScope();
        return (kind switch
        {
            FlowActivation.Relu => (x > 0).to(x.dtype),
            FlowActivation.Elu => where(x > 0, ones_like(x), value + 1),
            FlowActivation.Tanh => 1 - value * value,
            FlowActivation.Softplus => x.sigmoid(),
            FlowActivation.Silu => x.sigmoid() + value * (1 - x.sigmoid()),
            FlowActivation.Selu => where(x > 0, full_like(x, 1.0507009873554805), value + 1.0507009873554805 * 1.6732632423543772),
            _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "Unknown activation."),
        }).MoveToOuterDisposeScope();
    }
}
