using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// x > 0: aP x^2 + x/2, else aN (e^min(x, -1e-6) - 1 - x) + x/2 with aP = softplus(alpha_p), aN = 1/2 + softplus(alpha_n). Huang 2025
/// (Apertus). [...] to the same shape. Keys: <c>alpha_p</c>, <c>alpha_n</c>.
/// </summary>
public sealed class XIelu : nn.Module<Tensor, Tensor>
{
    private const double Beta = 0.5;

    [ComponentName(Name = "alpha_p")]
    private readonly Parameter _alphaP;

    [ComponentName(Name = "alpha_n")]
    private readonly Parameter _alphaN;

    private readonly long _dim;

    /// <summary>Builds the layer.</summary>
    /// <param name="channels">1 shares the parameters; otherwise the size of <paramref name="dim"/>.</param>
    /// <param name="alphaP">Initial aP.</param>
    /// <param name="alphaN">Initial aN.</param>
    /// <param name="dim">The channel dimension.</param>
    public XIelu(long channels = 1, double alphaP = 0.8, double alphaN = 0.8, long dim = 1)
        : base(nameof(XIelu))
    {
        _alphaP = ChannelParameter.Make(channels, InverseSoftplus(alphaP), nameof(XIelu));
        _alphaN = ChannelParameter.Make(channels, InverseSoftplus(alphaN - Beta), nameof(XIelu));
        _dim = dim;
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var alphaP = ChannelParameter.Along(_alphaP, input, _dim, nameof(XIelu));
        var alphaN = ChannelParameter.Along(_alphaN, input, _dim, nameof(XIelu));
        var line = input * Beta;
        // Without the clamp the branch that is not taken has an infinite slope far left, and 0 times that is NaN.
        var positive = (nn.functional.softplus(alphaP) * input.clamp_min(0).square()) + line;
        var negative = ((nn.functional.softplus(alphaN) + Beta) * (input.clamp_max(-1e-6).expm1() - input)) + line;
        return where(input.gt(0), positive, negative).MoveToOuterDisposeScope();
    }

    private static double InverseSoftplus(double value)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(value);
        return Math.Log(Math.Exp(value) - 1);
    }
}
