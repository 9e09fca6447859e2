using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>Single-head attention over all pixels with a residual, [N, C, H, W].</summary>
internal sealed class SpatialAttention : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "group_norm")]
    private readonly GroupNormalization _norm;

    [ComponentName(Name = "to_q")]
    private readonly Projection _query;

    [ComponentName(Name = "to_k")]
    private readonly Projection _key;

    [ComponentName(Name = "to_v")]
    private readonly Projection _value;

    [ComponentName(Name = "to_out")]
    private readonly ModuleList<Projection> _out;

    public SpatialAttention(int channels, int groups, WeightPlace place)
        : base(nameof(SpatialAttention))
    {
        _norm = new GroupNormalization(groups, channels, 1e-6, place);
        Projection New() => new(channels, channels, true, place);
        (_query, _key, _value) = (New(), New(), New());
        _out = new ModuleList<Projection>(New());
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var tokens = _norm.call(input).flatten(2).transpose(1, 2).contiguous();
        Tensor q = _query.call(tokens).unsqueeze(1), k = _key.call(tokens).unsqueeze(1), v = _value.call(tokens).unsqueeze(1);
        var mixed = _out[0].call(Attention.Attend(q, k, v).squeeze(1));
        return mixed.transpose(1, 2).reshape(input.shape).add(input).MoveToOuterDisposeScope();
    }
}

/// <summary>Residual block, attention, residual block.</summary>
internal sealed class MiddleBlock : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "attentions")]
    private readonly ModuleList<SpatialAttention> _attentions;

    [ComponentName(Name = "resnets")]
    private readonly ModuleList<ResidualBlock> _residuals;

    public MiddleBlock(int channels, int groups, WeightPlace place)
        : base(nameof(MiddleBlock))
    {
        _attentions = new ModuleList<SpatialAttention>(new SpatialAttention(channels, groups, place));
        _residuals = new ModuleList<ResidualBlock>(new ResidualBlock(channels, channels, groups, place), new ResidualBlock(channels, channels, groups, place));
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        return _residuals[1].call(_attentions[0].call(_residuals[0].call(input))).MoveToOuterDisposeScope();
    }
}
