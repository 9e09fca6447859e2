using Cresset.Tensors;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>A table of vectors looked up by integer, [...] to [..., width].</summary>
internal sealed class TokenTable : WeightLayer
{
    [ComponentName(Name = "weight")]
    private Parameter _weight;

    private readonly bool _takesPacked;
    private PackedWeight? _packed;

    public TokenTable(long count, long width, WeightPlace place, double bound = 0.02, bool takesPacked = false)
        : base(nameof(TokenTable))
    {
        _takesPacked = takesPacked;
        _weight = NewUniform(place, bound, count, width);
        RegisterComponents();
    }

    public Tensor Weight => _weight;

    public bool IsPacked => _packed is not null;

    internal override bool TakesPacked(string name) => _takesPacked;

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var rows = _packed is null ? _weight.index_select(0, input.reshape(-1))
            // What is recorded must follow the input's values.
            : KernelPause.IsOn ? _packed.ToTensor(ScalarType.Float32).index_select(0, input.reshape(-1))
            : _packed.Lookup(input.reshape(-1).to(ScalarType.Int64).data<long>().ToArray());
        return rows.reshape([.. input.shape, _weight.size(1)]).MoveToOuterDisposeScope();
    }

    internal override void Assign(string name, Tensor value)
    {
        _weight = name == "weight" ? Replace(name, _weight, value) : throw NoSuchWeight(name);
        _packed?.Dispose();
        _packed = null;
    }

    internal override void Assign(PackedWeight value)
    {
        _weight = Replace(_weight, value);
        _packed?.Dispose();
        _packed = value;
    }

    protected override void Dispose(bool disposing)
    {
        _packed?.Dispose();
        base.Dispose(disposing);
    }
}
