using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>A table of vectors looked up by integer, [...] to [..., width].</summary>
internal sealed class TokenTable : WeightLayer
{
    [ComponentName(Name = "weight")]
    private Parameter _weight;

    public TokenTable(long count, long width, WeightPlace place, double bound = 0.02)
        : base(nameof(TokenTable))
    {
        _weight = NewUniform(place, bound, count, width);
        RegisterComponents();
    }

    public Tensor Weight => _weight;

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var rows = _weight.index_select(0, input.reshape(-1));
        return rows.reshape([.. input.shape, _weight.size(1)]).MoveToOuterDisposeScope();
    }

    internal override void Assign(string name, Tensor value) => _weight = name == "weight" ? Replace(name, _weight, value) : throw NoSuchWeight(name);
}
