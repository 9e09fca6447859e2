using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>
/// The invertible 1x1 convolution as P L (U + diag(sign exp(log s))) (Glow, equation 10): never singular, log-det H W sum(log s).
/// Keys w_p, w_l, w_u, w_s, s_sign as in glow-pytorch.
/// </summary>
public sealed class LuConvolution : FlowTransform
{
    [ComponentName(Name = "w_l")]
    private readonly Parameter _lower;
    [ComponentName(Name = "w_s")]
    private readonly Parameter _logScale;
    [ComponentName(Name = "w_u")]
    private readonly Parameter _upper;
    [ComponentName(Name = "w_p")]
    private readonly Tensor _permutation;
    [ComponentName(Name = "u_mask")]
    private readonly Tensor _upperMask;
    [ComponentName(Name = "l_mask")]
    private readonly Tensor _lowerMask;
    [ComponentName(Name = "s_sign")]
    private readonly Tensor _sign;
    [ComponentName(Name = "l_eye")]
    private readonly Tensor _identity;

    /// <summary>Starts from a random rotation.</summary>
    public LuConvolution(long channels, Generator? generator = null)
        : base(nameof(LuConvolution))
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var (p, l, u) = linalg.lu(RandomRotation.Draw(channels, generator));
        var scale = u.diagonal();
        _permutation = p.clone().DetachFromDisposeScope();
        _lowerMask = ones(channels, channels).tril(-1).DetachFromDisposeScope();
        _upperMask = ones(channels, channels).triu(1).DetachFromDisposeScope();
        _identity = eye(channels).DetachFromDisposeScope();
        _sign = scale.sign().DetachFromDisposeScope();
        _lower = new Parameter(l.clone().DetachFromDisposeScope());
        _upper = new Parameter(u.triu(1).DetachFromDisposeScope());
        _logScale = new Parameter(scale.abs().log().DetachFromDisposeScope());
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override bool TakesContext => false;

    /// <inheritdoc/>
    public override (Tensor Output, Tensor LogAbsDet) Forward(Tensor x, Tensor? context = null)
    {
        RefuseContext(context);
        Cresset.Tensors.Shape.Expect(x, "N C H W", ("C", _logScale.size(0)));
        using var scope = NewDisposeScope();
        var weight = _permutation.MatMul(Lower()).MatMul(Upper());
        return Move(nn.functional.conv2d(x, weight.unsqueeze(2).unsqueeze(3)), PerSample(LogDet(x), x));
    }

    /// <inheritdoc/>
    public override (Tensor Output, Tensor LogAbsDet) Inverse(Tensor z, Tensor? context = null)
    {
        RefuseContext(context);
        Cresset.Tensors.Shape.Expect(z, "N C H W", ("C", _logScale.size(0)));
        using var scope = NewDisposeScope();
        // Two triangular solves of the small matrix in float64; the permutation's inverse is its transpose.
        var wide = ScalarType.Float64;
        var half = linalg.solve_triangular(Lower().to(wide), _permutation.t().to(wide), upper: false, left: true, unitriangular: true);
        var inverse = linalg.solve_triangular(Upper().to(wide), half, upper: true, left: true, unitriangular: false).to(z.dtype);
        return Move(nn.functional.conv2d(z, inverse.unsqueeze(2).unsqueeze(3)), PerSample(-LogDet(z), z));
    }

    private Tensor Lower() => addcmul(_identity, _lower, _lowerMask, 1.0);

    private Tensor Upper() => _upper * _upperMask + (_sign * _logScale.exp()).diag();

    private Tensor LogDet(Tensor image) => _logScale.sum() * (image.size(2) * image.size(3));
}
