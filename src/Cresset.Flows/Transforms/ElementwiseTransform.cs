using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>Maps some of the features of vectors [N, D], each by a map with parameters of its own that depend on nothing.</summary>
internal sealed class ElementwiseTransform : FlowTransform
{
    private readonly Univariate _univariate;
    private readonly FeatureSplit _split;
    private readonly int _features;
    [ComponentName(Name = "raw")]
    private readonly Parameter _raw;

    /// <param name="mapped">True for each feature that is mapped.</param>
    /// <param name="univariate">The map.</param>
    /// <param name="raw">Raw parameters [mapped features, P].</param>
    public ElementwiseTransform(IReadOnlyList<bool> mapped, Univariate univariate, Tensor raw)
        : base(nameof(ElementwiseTransform))
    {
        _univariate = univariate;
        _features = mapped.Count;
        _split = new FeatureSplit([.. mapped.Select(m => !m)]);
        _raw = new Parameter(raw.detach().clone().DetachFromDisposeScope());
        RegisterComponents();
    }

    public override bool TakesContext => false;

    public override (Tensor Output, Tensor LogAbsDet) Forward(Tensor x, Tensor? context = null) => Apply(x, context, forward: true);

    public override (Tensor Output, Tensor LogAbsDet) Inverse(Tensor z, Tensor? context = null) => Apply(z, context, forward: false);

    private (Tensor Output, Tensor LogAbsDet) Apply(Tensor value, Tensor? context, bool forward)
    {
        RefuseContext(context);
        Cresset.Tensors.Shape.Expect(value, "N D", ("D", _features));
        using var scope = NewDisposeScope();
        var (kept, changed) = _split.Split(value);
        var raw = _raw.unsqueeze(0).expand(value.size(0), -1, -1).contiguous();
        var (mapped, log) = forward ? _univariate.Forward(changed, raw) : _univariate.Inverse(changed, raw);
        return Move(_split.Join(kept, mapped), SumPerSample(log));
    }
}
