using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>
/// The radial flow z = x + beta (x - x0) / (alpha + |x - x0|) (Rezende and Mohamed 2015), beta &gt; -alpha. The inverse is in closed form.
/// </summary>
public sealed class RadialTransform : FlowTransform
{
    [ComponentName(Name = "center")]
    private readonly Parameter _centre;
    [ComponentName(Name = "log_alpha")]
    private readonly Parameter _logAlpha;
    [ComponentName(Name = "beta")]
    private readonly Parameter _beta;

    /// <summary>Makes the transform of vectors [N, D].</summary>
    public RadialTransform(int features, Generator? generator = null)
        : base(nameof(RadialTransform))
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(features, 1);
        _centre = new Parameter(randn(features, generator: generator).DetachFromDisposeScope());
        _logAlpha = new Parameter(zeros(1).DetachFromDisposeScope());
        _beta = new Parameter(randn(1, generator: generator).DetachFromDisposeScope());
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override bool TakesContext => false;

    /// <inheritdoc/>
    public override (Tensor Output, Tensor LogAbsDet) Forward(Tensor x, Tensor? context = null)
    {
        RefuseContext(context);
        Cresset.Tensors.Shape.Expect(x, "N D", ("D", _centre.size(0)));
        using var scope = NewDisposeScope();
        var (alpha, beta) = Constants();
        var offset = x - _centre;
        var radius = Radius(offset);
        return Move(x + beta * offset / (alpha + radius), LogDet(alpha, beta, radius.squeeze(1)));
    }

    /// <inheritdoc/>
    public override (Tensor Output, Tensor LogAbsDet) Inverse(Tensor z, Tensor? context = null)
    {
        RefuseContext(context);
        Cresset.Tensors.Shape.Expect(z, "N D", ("D", _centre.size(0)));
        using var scope = NewDisposeScope();
        var (alpha, beta) = Constants();
        var offset = z - _centre;
        var outer = Radius(offset);
        // r + beta r / (alpha + r) = R is a quadratic equation with one positive root.
        var b = alpha + beta - outer;
        var radius = 0.5 * (-b + (b * b + 4 * alpha * outer).sqrt());
        return Move(_centre + offset / (1 + beta / (alpha + radius)), -LogDet(alpha, beta, radius.squeeze(1)));
    }

    private (Tensor Alpha, Tensor Beta) Constants()
    {
        var alpha = _logAlpha.exp();
        return (alpha, nn.functional.softplus(_beta, 1, 20) - alpha);
    }

    // A tiny floor keeps the gradient of the norm finite at the centre.
    private static Tensor Radius(Tensor offset) => (offset.square().sum(1, keepdim: true) + 1e-24).sqrt();

    private Tensor LogDet(Tensor alpha, Tensor beta, Tensor radius)
    {
        var h = 1 / (alpha + radius);
        return (_centre.size(0) - 1) * (1 + beta * h).log() + (1 + beta * alpha * h * h).log();
    }
}
