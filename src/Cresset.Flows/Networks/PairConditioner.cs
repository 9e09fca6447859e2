using TorchSharp;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>Two networks side by side, one for each of two parameters: the outputs of the first, then those of the second.</summary>
internal sealed class PairConditioner : Conditioner
{
    [ComponentName(Name = "first")]
    private readonly Conditioner _first;
    [ComponentName(Name = "second")]
    private readonly Conditioner _second;

    public PairConditioner(Conditioner first, Conditioner second)
        : base(nameof(PairConditioner))
    {
        (_first, _second) = (first, second);
        RegisterComponents();
    }

    public override bool TakesContext => _first.TakesContext;

    public override Tensor forward(Tensor x, Tensor? context)
    {
        using var scope = NewDisposeScope();
        return cat([_first.call(x, context), _second.call(x, context)], 1).MoveToOuterDisposeScope();
    }
}
