using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>Group normalisation with weight and bias, [N, C, H, W].</summary>
internal sealed class GroupNormalization : WeightLayer
{
    private readonly long _groups;
    private readonly double _eps;

    [ComponentName(Name = "weight")]
    private Parameter _weight;

    [ComponentName(Name = "bias")]
    private Parameter _bias;

    public GroupNormalization(long groups, long channels, double eps, WeightPlace place)
        : base(nameof(GroupNormalization))
    {
        (_groups, _eps) = (groups, eps);
        _weight = NewConstant(place, 1, channels);
        _bias = NewConstant(place, 0, channels);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        if (_weight.dtype == input.dtype) return nn.functional.group_norm(input, _groups, _weight, _bias, _eps);
        using var scope = NewDisposeScope();
        return nn.functional.group_norm(input, _groups, As(_weight, input), As(_bias, input), _eps).MoveToOuterDisposeScope();
    }

    internal override void Assign(string name, Tensor value)
    {
        if (name == "weight") _weight = Replace(name, _weight, value);
        else if (name == "bias") _bias = Replace(name, _bias, value);
        else throw NoSuchWeight(name);
    }
}

/// <summary>Layer normalisation over the last dimension with weight and bias.</summary>
internal sealed class LayerNormalization : WeightLayer
{
    private readonly long[] _shape;
    private readonly double _eps;

    [ComponentName(Name = "weight")]
    private Parameter _weight;

    [ComponentName(Name = "bias")]
    private Parameter _bias;

    public LayerNormalization(long width, double eps, WeightPlace place)
        : base(nameof(LayerNormalization))
    {
        (_shape, _eps) = ([width], eps);
        _weight = NewConstant(place, 1, width);
        _bias = NewConstant(place, 0, width);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input)
    {
        if (_weight.dtype == input.dtype) return nn.functional.layer_norm(input, _shape, _weight, _bias, _eps);
        using var scope = NewDisposeScope();
        return nn.functional.layer_norm(input, _shape, As(_weight, input), As(_bias, input), _eps).MoveToOuterDisposeScope();
    }

    internal override void Assign(string name, Tensor value)
    {
        if (name == "weight") _weight = Replace(name, _weight, value);
        else if (name == "bias") _bias = Replace(name, _bias, value);
        else throw NoSuchWeight(name);
    }
}
