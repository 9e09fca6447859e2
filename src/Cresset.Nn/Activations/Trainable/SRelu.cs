using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// Lines with their own slope beyond two thresholds: tr + ar (x - tr) for x >= tr, tl + al (x - tl) for x &lt;= tl, x between. Jin et al.
/// 2016. [...] to the same shape. Keys: <c>tl</c>, <c>al</c>, <c>tr</c>, <c>ar</c>.
/// </summary>
public sealed class SRelu : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "tl")]
    private readonly Parameter _tl;

    [ComponentName(Name = "al")]
    private readonly Parameter _al;

    [ComponentName(Name = "tr")]
    private readonly Parameter _tr;

    [ComponentName(Name = "ar")]
    private readonly Parameter _ar;

    private readonly long _dim;

    /// <summary>Builds the layer.</summary>
    /// <param name="channels">1 shares the parameters; otherwise the size of <paramref name="dim"/>.</param>
    /// <param name="tl">Initial lower threshold.</param>
    /// <param name="al">Initial slope below it.</param>
    /// <param name="tr">Initial upper threshold.</param>
    /// <param name="ar">Initial slope above it.</param>
    /// <param name="dim">The channel dimension.</param>
    public SRelu(long channels = 1, double tl = -0.4, double al = 0.2, double tr = 0.4, double ar = 0.2, long dim = 1)
        : base(nameof(SRelu))
    {
        _tl = ChannelParameter.Make(channels, tl, nameof(SRelu));
        _al = ChannelParameter.Make(channels, al, nameof(SRelu));
        _tr = ChannelParameter.Make(channels, tr, nameof(SRelu));
        _ar = ChannelParameter.Make(channels, ar, nameof(SRelu));
        _dim = dim;
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var tl = ChannelParameter.Along(_tl, input, _dim, nameof(SRelu));
        var al = ChannelParameter.Along(_al, input, _dim, nameof(SRelu));
        var tr = ChannelParameter.Along(_tr, input, _dim, nameof(SRelu));
        var ar = ChannelParameter.Along(_ar, input, _dim, nameof(SRelu));
        var upper = tr + (ar * (input - tr));
        var lower = tl + (al * (input - tl));
        return where(input.ge(tr), upper, where(input.le(tl), lower, input)).MoveToOuterDisposeScope();
    }
}
