using TorchSharp;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>
/// A masked autoregressive transform (Papamakarios et al. 2017) of vectors [N, D]: forward in one pass, inverse value by value with the
/// work of one pass of the network.
/// </summary>
public sealed class MaskedAutoregressive : FlowTransform
{
    private readonly Univariate _univariate;
    private readonly int _features;
    [ComponentName(Name = "hyper")]
    private readonly Conditioner _network;

    // A field of it would be registered, and saved, a second time.
    private IAutoregressiveNetwork Values => (IAutoregressiveNetwork)_network;

    /// <summary>Makes the transform.</summary>
    /// <param name="network">Gives raw parameters, value by value.</param>
    /// <param name="univariate">The map of single values.</param>
    public MaskedAutoregressive(Made network, Univariate univariate)
        : this((Conditioner)network, univariate)
    {
    }

    internal MaskedAutoregressive(Conditioner network, Univariate univariate)
        : base(nameof(MaskedAutoregressive))
    {
        ArgumentNullException.ThrowIfNull(network);
        _network = network;
        _univariate = univariate;
        _features = Values.Count;
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override bool TakesContext => _network.TakesContext;

    /// <inheritdoc/>
    public override (Tensor Output, Tensor LogAbsDet) Forward(Tensor x, Tensor? context = null)
    {
        Cresset.Tensors.Shape.Expect(x, "N D", ("D", _features));
        using var scope = NewDisposeScope();
        var raw = _network.call(x, context).reshape(x.size(0), _features, _univariate.Parameters);
        var (y, log) = _univariate.Forward(x, raw);
        return Move(y, log.sum(1));
    }

    /// <inheritdoc/>
    public override (Tensor Output, Tensor LogAbsDet) Inverse(Tensor z, Tensor? context = null)
    {
        Cresset.Tensors.Shape.Expect(z, "N D", ("D", _features));
        using var scope = NewDisposeScope();
        List<Tensor> logs = [];
        var x = Values.Generate(z.size(0), context, z, (columns, raw) =>
        {
            using var index = tensor(columns.Select(c => (long)c).ToArray(), device: z.device);
            var (value, log) = _univariate.Inverse(z.index_select(1, index), raw);
            logs.Add(log.sum(1));
            return value;
        });
        return Move(x, stack(logs).sum([0L]));
    }
}
