using TorchSharp;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>How a network's outputs are laid out.</summary>
public enum ParameterLayout
{
    /// <summary>All parameters of the first value, then of the second (zuko, nflows' splines, normflows' images).</summary>
    ByValue,

    /// <summary>The first parameter of all values, then the second (nflows' affine coupling, Glow).</summary>
    ByParameter,
}

/// <summary>
/// A coupling (Dinh et al. 2014): some features or channels pass, and with the context they decide how the others are mapped.
/// Samples [N, D] or images [N, D, H, W]; the mask is over dimension 1.
/// </summary>
public sealed class Coupling : FlowTransform
{
    private readonly Univariate _univariate;
    private readonly ParameterLayout _layout;
    private readonly long _features;
    private readonly int _passing;
    private FeatureSplit _split;
    private byte[] _seen;
    [ComponentName(Name = "mask")]
    private readonly Tensor _mask;
    [ComponentName(Name = "hyper")]
    private readonly Conditioner _network;

    /// <summary>Makes a coupling.</summary>
    /// <param name="passes">True for each feature that passes unchanged and feeds the network.</param>
    /// <param name="univariate">The map of the other values.</param>
    /// <param name="network">Makes the network, given the numbers of its inputs and outputs.</param>
    /// <param name="layout">Layout of the network's outputs.</param>
    public Coupling(IReadOnlyList<bool> passes, Univariate univariate, Func<long, long, Conditioner> network,
        ParameterLayout layout = ParameterLayout.ByValue)
        : base(nameof(Coupling))
    {
        ArgumentNullException.ThrowIfNull(passes);
        var passing = passes.Count(p => p);
        if (passing == 0 || passing == passes.Count)
            throw new ArgumentException(
                $"The mask lets {passing} of {passes.Count} features pass; a coupling needs at least one that passes and one that is "
                    + $"mapped.", nameof(passes));
        _features = passes.Count;
        _univariate = univariate;
        _layout = layout;
        _split = new FeatureSplit(passes);
        _mask = tensor(passes.ToArray()).DetachFromDisposeScope();
        _seen = MaskBytes.Of(_mask);
        _passing = passing;
        _network = network(passing, (passes.Count - passing) * univariate.Parameters);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override bool TakesContext => _network.TakesContext;

    /// <inheritdoc/>
    public override (Tensor Output, Tensor LogAbsDet) Forward(Tensor x, Tensor? context = null) => Apply(x, context, forward: true);

    /// <inheritdoc/>
    public override (Tensor Output, Tensor LogAbsDet) Inverse(Tensor z, Tensor? context = null) => Apply(z, context, forward: false);

    private (Tensor Output, Tensor LogAbsDet) Apply(Tensor value, Tensor? context, bool forward)
    {
        if (value.dim() is not (2 or 4) || value.size(1) != _features)
            throw Cresset.Tensors.Shape.Wrong(value, $"[N, {_features}] or [N, {_features}, H, W]");
        // Masks come with the weights: loaded ones may be others than the constructor's.
        if (!MaskBytes.Same(_mask, _seen)) Refresh();
        using var scope = NewDisposeScope();
        var (kept, changed) = _split.Split(value);
        var raw = Arrange(_network.call(kept, context), changed);
        var (mapped, log) = forward ? _univariate.Forward(changed, raw) : _univariate.Inverse(changed, raw);
        return Move(_split.Join(kept, mapped), SumPerSample(log));
    }

    private void Refresh()
    {
        var mask = MaskBytes.Of(_mask);
        var passing = mask.Count(b => b != 0);
        if (passing != _passing)
            throw new InvalidDataException(
                $"Coupling: the mask that was loaded lets {passing} of {_features} features pass; this coupling's network was made for "
                    + $"{_passing}. The weights belong to another flow.");
        _split = new FeatureSplit([.. mask.Select(b => b != 0)]);
        _seen = mask;
    }

    // To [N, D, P, ...].
    private Tensor Arrange(Tensor raw, Tensor changed)
    {
        long count = changed.size(1), parameters = _univariate.Parameters;
        long[] rest = changed.dim() == 2 ? [] : [changed.size(2), changed.size(3)];
        return _layout == ParameterLayout.ByValue
            ? raw.reshape([changed.size(0), count, parameters, .. rest])
            : raw.reshape([changed.size(0), parameters, count, .. rest]).transpose(1, 2);
    }
}

/// <summary>Parts features into those that pass and those that are mapped, by views where they lie together.</summary>
internal sealed class FeatureSplit
{
    private readonly long[] _kept;
    private readonly long[] _changed;
    private readonly bool _keptFirst;
    private readonly bool _halves;
    private Tensor? _keptIndex;
    private Tensor? _changedIndex;
    private Tensor? _order;

    public FeatureSplit(IReadOnlyList<bool> passes)
    {
        _kept = [.. Enumerable.Range(0, passes.Count).Where(i => passes[i]).Select(i => (long)i)];
        _changed = [.. Enumerable.Range(0, passes.Count).Where(i => !passes[i]).Select(i => (long)i)];
        _keptFirst = _kept[^1] == _kept.Length - 1;
        _halves = _keptFirst || _changed[^1] == _changed.Length - 1;
    }

    public (Tensor Kept, Tensor Changed) Split(Tensor value)
    {
        if (_halves)
        {
            return _keptFirst
                ? (value.narrow(1, 0, _kept.Length), value.narrow(1, _kept.Length, _changed.Length))
                : (value.narrow(1, _changed.Length, _kept.Length), value.narrow(1, 0, _changed.Length));
        }
        Prepare(value.device);
        return (value.index_select(1, _keptIndex!), value.index_select(1, _changedIndex!));
    }

    public Tensor Join(Tensor kept, Tensor changed)
    {
        if (_halves) return _keptFirst ? cat([kept, changed], 1) : cat([changed, kept], 1);
        Prepare(kept.device);
        using var both = cat([kept, changed], 1);
        return both.index_select(1, _order!);
    }

    private void Prepare(Device device)
    {
        if (_order is not null && MaskBytes.SamePlace(_order.device, device)) return;
        long[] joined = [.. _kept, .. _changed];
        var order = new long[joined.Length];
        for (var i = 0; i < joined.Length; i++) order[joined[i]] = i;
        _keptIndex = tensor(_kept, device: device).DetachFromDisposeScope();
        _changedIndex = tensor(_changed, device: device).DetachFromDisposeScope();
        _order = tensor(order, device: device).DetachFromDisposeScope();
    }
}
