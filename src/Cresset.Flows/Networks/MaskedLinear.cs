using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>A linear layer some of whose weights are held at zero (Germain et al. 2015).</summary>
internal sealed class MaskedLinear : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "weight")]
    private readonly Parameter _weight;
    [ComponentName(Name = "bias")]
    private readonly Parameter _bias;
    [ComponentName(Name = "mask")]
    private readonly Tensor _mask;

    /// <summary>Makes the layer; mask[i, j] is true where output i may read input j.</summary>
    public MaskedLinear(bool[,] mask)
        : base(nameof(MaskedLinear))
    {
        using var plain = nn.Linear(mask.GetLength(1), mask.GetLength(0));
        _weight = new Parameter(plain.weight!.detach().clone().DetachFromDisposeScope());
        _bias = new Parameter(plain.bias!.detach().clone().DetachFromDisposeScope());
        _mask = tensor(mask.Cast<bool>().ToArray()).reshape(mask.GetLength(0), mask.GetLength(1)).DetachFromDisposeScope();
        RegisterComponents();
    }

    /// <summary>The mask bool [outputs, inputs].</summary>
    public Tensor Allowed => _mask;

    internal Tensor Weight => _weight;

    internal Tensor Bias => _bias;

    internal Tensor Masked() => _weight * _mask;

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        using var weight = Masked();
        return nn.functional.linear(input, weight, _bias);
    }
}
