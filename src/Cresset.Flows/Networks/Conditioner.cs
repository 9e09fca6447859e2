using Cresset.Nn;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>A network that turns the values a transform leaves alone, and the context, into parameters of the others.</summary>
public abstract class Conditioner : nn.Module<Tensor, Tensor?, Tensor>
{
    /// <summary>For derived classes, which register their components themselves.</summary>
    protected Conditioner(string name)
        : base(name)
    {
    }

    /// <summary>Whether the network reads a context; one that does not refuses it.</summary>
    public virtual bool TakesContext => true;

    /// <summary>
    /// Appends a context [N, C] (or [1, C] for all samples) to values [N, D] or, spread over all positions, to images [N, D, H, W].
    /// </summary>
    protected static Tensor Join(Tensor x, Tensor? context, long contextFeatures) => Joined(x, context, contextFeatures);

    internal static Tensor Joined(Tensor x, Tensor? context, long contextFeatures)
    {
        context = ContextOf(x, context, contextFeatures);
        if (context is null) return x.alias();
        if (x.dim() == 2) return cat([x, context], 1);
        using var scope = NewDisposeScope();
        return cat([x, context.unsqueeze(2).unsqueeze(3).expand(-1, -1, x.size(2), x.size(3))], 1).MoveToOuterDisposeScope();
    }

    // The context as one row for each sample; null where the network takes none.
    internal static Tensor? ContextOf(Tensor x, Tensor? context, long contextFeatures)
    {
        if (contextFeatures == 0)
            return context is null ? null
                : throw Cresset.Tensors.Shape.Wrong(context, "no context", "This flow was made without context features.");
        if (context is null)
            throw new ArgumentNullException(nameof(context), $"This flow is conditional: it takes a context [N, {contextFeatures}].");
        if (!context.is_floating_point())
            throw new ArgumentException(
                $"The context is of type {context.dtype}; this flow takes {contextFeatures} features of a floating-point type. Turn class "
                    + $"labels into features (one-hot, or an embedding in the flow).", nameof(context));
        if (context.dim() == 1) context = context.unsqueeze(0);
        if (context.dim() == 2 && context.size(0) == 1 && x.size(0) != 1) context = context.expand(x.size(0), -1);
        Cresset.Tensors.Shape.Expect(context, "N C", [("N", x.size(0)), ("C", contextFeatures)]);
        return context;
    }
}

/// <summary>An ordinary multi-layer perceptron; keys 0.weight, 0.bias, 2.weight and so on.</summary>
public sealed class MlpConditioner : Conditioner
{
    private readonly long _context;
    private readonly LayerActivation _activation;
    private readonly TorchSharp.Modules.Linear[] _layers;

    /// <summary>Makes the network.</summary>
    /// <param name="inputs">Values given.</param>
    /// <param name="outputs">Parameters wanted.</param>
    /// <param name="hidden">Widths of the hidden layers.</param>
    /// <param name="context">Context features.</param>
    /// <param name="activation">Between layers; ReLU by default.</param>
    /// <param name="zeroLast">Start with zero outputs: additive and affine maps then start as the identity.</param>
    public MlpConditioner(long inputs, long outputs, IReadOnlyList<int> hidden, long context = 0, ActivationOptions? activation = null,
        bool zeroLast = false)
        : base(nameof(MlpConditioner))
    {
        _context = context;
        _activation = new LayerActivation(activation ?? new ReluActivation());
        long[] widths = [inputs + context, .. hidden.Select(h => (long)h), outputs];
        _layers = new TorchSharp.Modules.Linear[widths.Length - 1];
        for (var i = 0; i < _layers.Length; i++)
        {
            _layers[i] = nn.Linear(widths[i], widths[i + 1]);
            // Named as in a sequence of linear layers and activations.
            register_module((2 * i).ToString(System.Globalization.CultureInfo.InvariantCulture), _layers[i]);
        }
        if (zeroLast) StartAt([0]);
    }

    /// <inheritdoc/>
    public override bool TakesContext => _context > 0;

    internal Tensor Like => _layers[0].weight!;

    // Constant outputs at the start, the given ones over and over.
    internal MlpConditioner StartAt(IReadOnlyList<double> raw)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        _layers[^1].weight!.zero_();
        _layers[^1].bias!.copy_(tensor(raw.ToArray()).repeat(_layers[^1].bias!.size(0) / raw.Count));
        return this;
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor x, Tensor? context)
    {
        using var scope = NewDisposeScope();
        var h = Join(x, context, _context);
        for (var i = 0; i < _layers.Length; i++)
        {
            h = _layers[i].call(h);
            if (i < _layers.Length - 1) h = _activation.Apply(h);
        }
        return h.MoveToOuterDisposeScope();
    }
}
