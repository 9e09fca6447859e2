using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>
/// z = L U x + b for vectors [N, D], L with a unit diagonal, U with a positive one (Oliva et al. 2018; keys as in nflows).
/// </summary>
public sealed class LuLinear : FlowTransform
{
    private readonly long _features;
    private readonly Tensor _lowerIndex;
    private readonly Tensor _upperIndex;
    [ComponentName(Name = "lower_entries")]
    private readonly Parameter _lower;
    [ComponentName(Name = "upper_entries")]
    private readonly Parameter _upper;
    [ComponentName(Name = "unconstrained_upper_diag")]
    private readonly Parameter _diagonal;
    [ComponentName(Name = "bias")]
    private readonly Parameter _bias;

    /// <summary>Starts as the identity.</summary>
    public LuLinear(int features)
        : base(nameof(LuLinear))
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(features, 1);
        _features = features;
        var count = (long)features * (features - 1) / 2;
        _lower = new Parameter(zeros(count).DetachFromDisposeScope());
        _upper = new Parameter(zeros(count).DetachFromDisposeScope());
        // softplus(log(e^(1 - 1e-3) - 1)) + 1e-3 = 1.
        _diagonal = new Parameter(full(features, Math.Log(Math.Exp(1 - 1e-3) - 1)).DetachFromDisposeScope());
        _bias = new Parameter(zeros(features).DetachFromDisposeScope());
        RegisterComponents();
        // Registered above, positions of entries are not part of a checkpoint.
        _lowerIndex = Positions(features, (i, j) => j < i);
        _upperIndex = Positions(features, (i, j) => j > i);
    }

    /// <inheritdoc/>
    public override bool TakesContext => false;

    /// <inheritdoc/>
    public override (Tensor Output, Tensor LogAbsDet) Forward(Tensor x, Tensor? context = null)
    {
        RefuseContext(context);
        Cresset.Tensors.Shape.Expect(x, "N D", ("D", _features));
        using var scope = NewDisposeScope();
        var (lower, upper, log) = Matrices();
        return Move(x.MatMul(upper.t()).MatMul(lower.t()) + _bias, PerSample(log, x));
    }

    /// <inheritdoc/>
    public override (Tensor Output, Tensor LogAbsDet) Inverse(Tensor z, Tensor? context = null)
    {
        RefuseContext(context);
        Cresset.Tensors.Shape.Expect(z, "N D", ("D", _features));
        using var scope = NewDisposeScope();
        var (lower, upper, log) = Matrices();
        var half = linalg.solve_triangular(lower, (z - _bias).t(), upper: false, left: true, unitriangular: true);
        return Move(linalg.solve_triangular(upper, half, upper: true, left: true, unitriangular: false).t(), PerSample(-log, z));
    }

    private (Tensor Lower, Tensor Upper, Tensor Log) Matrices()
    {
        var diagonal = nn.functional.softplus(_diagonal, 1, 20) + 1e-3;
        var blank = zeros(_features * _features, dtype: _bias.dtype, device: _bias.device);
        var lower = blank.index_add(0, _lowerIndex.to(_bias.device), _lower, 1).reshape(_features, _features)
            + eye(_features, dtype: _bias.dtype, device: _bias.device);
        var upper = blank.index_add(0, _upperIndex.to(_bias.device), _upper, 1).reshape(_features, _features) + diagonal.diag();
        return (lower, upper, diagonal.log().sum());
    }

    private static Tensor Positions(int size, Func<int, int, bool> wanted)
        => tensor(Enumerable.Range(0, size * size).Where(k => wanted(k / size, k % size)).Select(k => (long)k).ToArray())
            .DetachFromDisposeScope();
}
