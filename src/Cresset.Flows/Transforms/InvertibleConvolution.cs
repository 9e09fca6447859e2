using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>
/// The invertible 1x1 convolution of Glow with a full weight [C, C, 1, 1], for images [N, C, H, W]; log-det H W log|det W|.
/// </summary>
public sealed class InvertibleConvolution : FlowTransform
{
    [ComponentName(Name = "weight")]
    private readonly Parameter _weight;

    /// <summary>Starts from a random rotation.</summary>
    public InvertibleConvolution(long channels, Generator? generator = null)
        : base(nameof(InvertibleConvolution))
    {
        using var scope = NewDisposeScope();
        _weight = new Parameter(RandomRotation.Draw(channels, generator).reshape(channels, channels, 1, 1).DetachFromDisposeScope());
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override bool TakesContext => false;

    /// <inheritdoc/>
    public override (Tensor Output, Tensor LogAbsDet) Forward(Tensor x, Tensor? context = null)
    {
        RefuseContext(context);
        Cresset.Tensors.Shape.Expect(x, "N C H W", ("C", _weight.size(0)));
        using var scope = NewDisposeScope();
        return Move(nn.functional.conv2d(x, _weight), PerSample(LogDet() * (x.size(2) * x.size(3)), x));
    }

    /// <inheritdoc/>
    public override (Tensor Output, Tensor LogAbsDet) Inverse(Tensor z, Tensor? context = null)
    {
        RefuseContext(context);
        Cresset.Tensors.Shape.Expect(z, "N C H W", ("C", _weight.size(0)));
        using var scope = NewDisposeScope();
        var logDet = LogDet();
        var inverse = _weight.flatten(1).to(ScalarType.Float64).inverse().to(z.dtype).reshape(_weight.shape);
        return Move(nn.functional.conv2d(z, inverse), PerSample(-logDet * (z.size(2) * z.size(3)), z));
    }

    private Tensor LogDet()
    {
        var logDet = linalg.slogdet(_weight.flatten(1).to(ScalarType.Float64)).Item2;
        using (no_grad())
        {
            var value = logDet.ToDouble();
            if (!double.IsFinite(value))
                throw new InvalidOperationException(
                    $"InvertibleConvolution: the weight [{_weight.size(0)}, {_weight.size(0)}, 1, 1] is singular (log|det| is {value}). "
                        + $"Lower the learning rate, or use the LU form, which cannot become singular.");
        }
        return logDet.to(_weight.dtype);
    }
}

internal static class RandomRotation
{
    public static Tensor Draw(long size, Generator? generator)
    {
        var (q, r) = linalg.qr(randn(size, size, dtype: ScalarType.Float64, generator: generator));
        // Signs from R make the rotation uniform.
        return (q * r.diagonal().sign()).to(ScalarType.Float32);
    }
}
