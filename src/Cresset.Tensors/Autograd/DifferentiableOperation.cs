using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Tensors;

/// <summary>
/// An operation with a backward pass of its own, one object per call. TorchSharp 0.107's functions of this kind leave wrappers behind that
/// hold memory until a garbage collection, end the process when backward throws, and run a second backward without a word. Here memory is
/// freed as by libtorch's own operations, an exception of <see cref="Backward"/> reaches whoever called backward, and the second pass needs
/// <c>retain_graph</c>.
/// </summary>
internal abstract class DifferentiableOperation
{
    private bool[] _wanted = [];
    private OutputShape[] _outputs = [];

    /// <summary>The name in errors.</summary>
    public virtual string Name => GetType().Name;

    /// <summary>The results, in new tensors; runs without gradients.</summary>
    protected abstract Tensor[] Forward(Tensor[] inputs);

    /// <summary>
    /// The tensors that <see cref="Backward"/> needs; the inputs unless overridden. Changing one of them in place before the backward pass
    /// is an error there.
    /// </summary>
    protected virtual Tensor[] Saved(Tensor[] inputs) => inputs;

    /// <summary>
    /// The gradient of each input, null where there is none. Gradient mode is on when derivatives of the gradients are wanted
    /// (<c>create_graph</c>): then they must be made by differentiable operations. Tensors made here are freed afterwards, except the
    /// result.
    /// </summary>
    /// <param name="saved">What <see cref="Saved"/> gave.</param>
    /// <param name="gradients">The gradient of each result; null for a result that nothing used.</param>
    protected abstract Tensor?[] Backward(Tensor[] saved, Tensor?[] gradients);

    /// <summary>Whether a gradient of this input is wanted.</summary>
    protected bool Wants(int input) => _wanted[input];

    /// <summary>The gradient of a result that nothing used.</summary>
    protected Tensor Zeros(int result) => zeros(_outputs[result].Shape, dtype: _outputs[result].Type, device: _outputs[result].Device);

    /// <summary>Runs the operation with one result.</summary>
    public Tensor Apply(params Tensor[] inputs) => ApplyAll(inputs)[0];

    /// <summary>Runs the operation, recorded when a gradient is wanted.</summary>
    public Tensor[] ApplyAll(params Tensor[] inputs)
    {
        if (!is_grad_enabled() || !Array.Exists(inputs, i => i.requires_grad)) return Forward(inputs);
        _wanted = Array.ConvertAll(inputs, i => i.requires_grad);
        using var node = GraphNode.Create(this, inputs);
        Tensor[] results;
        using (no_grad()) results = Forward(inputs);
        if (results.Length > 1) _outputs = Array.ConvertAll(results, r => new OutputShape(r.shape, r.dtype, r.device));
        var recorded = node.Record(inputs, results);
        node.Save(Saved(inputs));
        return recorded;
    }

    internal Tensor?[] RunBackward(Tensor[] saved, Tensor?[] gradients)
    {
        var found = Backward(saved, gradients);
        if (found.Length != _wanted.Length)
            throw new InvalidOperationException($"{Name} gave {found.Length} gradients for {_wanted.Length} inputs.");
        for (var i = 0; i < found.Length; i++)
        {
            if (!_wanted[i] || found[i] is { IsInvalid: true }) found[i] = null;
        }
        return found;
    }

    private readonly record struct OutputShape(long[] Shape, ScalarType Type, Device Device);
}
