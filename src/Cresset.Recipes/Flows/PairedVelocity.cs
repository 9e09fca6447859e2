using Cresset.Flows;
using TorchSharp;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>
/// A velocity field of the plane with the pairs that it made itself, kept as buffers so that a resumed run goes on with the same ones.
/// </summary>
internal sealed class PairedVelocity : nn.Module, IVelocityModel
{
    [ComponentName(Name = "net")]
    private readonly MlpVelocity _net;
    [ComponentName(Name = "source")]
    private readonly Tensor _source;
    [ComponentName(Name = "data")]
    private readonly Tensor _data;
    [ComponentName(Name = "made")]
    private readonly Tensor _made;

    public PairedVelocity(MlpVelocity net, int pairs)
        : base(nameof(PairedVelocity))
    {
        _net = net;
        _source = zeros(pairs, 2).DetachFromDisposeScope();
        _data = zeros(pairs, 2).DetachFromDisposeScope();
        _made = zeros(1).DetachFromDisposeScope();
        RegisterComponents();
    }

    /// <inheritdoc/>
    public bool TakesContext => _net.TakesContext;

    /// <inheritdoc/>
    public Tensor Velocity(Tensor state, Tensor time, Tensor? context = null) => _net.Velocity(state, time, context);

    /// <summary>Some of the pairs; the first call carries the given source samples along the field as it is then.</summary>
    public (Tensor Source, Tensor Data) Draw(long count, Func<int, Tensor> source, Generator generator)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        if (_made.ToSingle() == 0)
        {
            var (from, to) = Reflow.Pairs(((IVelocityModel)this).Field(), source((int)_source.size(0)));
            _source.copy_(from);
            _data.copy_(to);
            _made.fill_(1);
        }
        var picked = randint(0, _source.size(0), count, dtype: ScalarType.Int64, generator: generator);
        return (_source.index_select(0, picked).MoveToOuterDisposeScope(), _data.index_select(0, picked).MoveToOuterDisposeScope());
    }
}
