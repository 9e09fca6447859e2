using Cresset.Nn;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>Residual block, attention, residual block.</summary>
internal sealed class MiddleBlock : nn.Module<Tensor, Tensor>
{
    private static readonly AttentionKeys Keys = new("to_q", "to_k", "to_v", "to_out.0");

    [ComponentName(Name = "attentions")]
    private readonly ModuleList<SpatialAttention> _attentions;

    [ComponentName(Name = "resnets")]
    private readonly ModuleList<ResidualBlock> _residuals;

    public MiddleBlock(int channels, int groups, WeightPlace place)
        : base(nameof(MiddleBlock))
    {
        _attentions =
            new ModuleList<SpatialAttention>(
                new SpatialAttention(channels, 1, new GroupNormalization(groups, channels, 1e-6, place), "group_norm", Keys,
                    AttentionPath.Fused, place));
        _residuals = new ModuleList<ResidualBlock>(new ResidualBlock(channels, channels, groups, place),
            new ResidualBlock(channels, channels, groups, place));
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        return _residuals[1].call(_attentions[0].call(_residuals[0].call(input))).MoveToOuterDisposeScope();
    }
}
