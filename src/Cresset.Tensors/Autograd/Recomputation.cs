using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Tensors;

/// <summary>A network that can keep less for its backward pass and compute parts of itself again there.</summary>
public interface IRecomputes
{
    /// <summary>Whether its parts are computed again in the backward pass. Results and gradients are the same.</summary>
    bool Recomputes { get; set; }
}

/// <summary>
/// Gradient checkpointing (Chen et al. 2016): of a part of a network only the inputs are kept; its backward pass computes it once more.
/// Takes about a third more time and the memory of one part at a time. Dropout draws the same again, and statistics of batch normalisation
/// count once.
/// </summary>
public static class Recomputation
{
    /// <summary>Calls a part of a network.</summary>
    /// <param name="parts">The modules that <paramref name="forward"/> calls: whoever owns parameters, buffers or draws.</param>
    /// <param name="forward">Computes the part from its inputs, the same each time, and changes none of them.</param>
    /// <param name="inputs">Its inputs; gradients flow to those that require them.</param>
    /// <exception cref="NotSupportedException">The part draws (dropout) on a GPU, whose random stream cannot be put back.</exception>
    public static Tensor Call(IReadOnlyList<nn.Module> parts, Func<Tensor[], Tensor> forward, params Tensor[] inputs)
    {
        ArgumentNullException.ThrowIfNull(parts);
        ArgumentNullException.ThrowIfNull(forward);
        ArgumentNullException.ThrowIfNull(inputs);
        if (!is_grad_enabled()) return forward(inputs);
        var parameters = parts.SelectMany(p => p.parameters()).Where(p => p.requires_grad).DistinctBy(TensorIdentity.Of).Cast<Tensor>()
            .ToArray();
        if (parameters.Length == 0 && !Array.Exists(inputs, i => i.requires_grad)) return forward(inputs);
        if (parts.Any(p => p.training) && inputs[0].device.type != DeviceType.CPU
            && parts.SelectMany(p => p.modules()).Any(m => m.GetType().Name.Contains("Dropout", StringComparison.Ordinal)))
            throw new NotSupportedException(
                "A part with dropout cannot be computed again on a GPU: its random stream cannot be put back. Train without recomputing, "
                    + "or without dropout.");
        using var scope = NewDisposeScope();
        return new Operation(parts, forward, inputs.Length, parameters).Apply([.. inputs, .. parameters]).MoveToOuterDisposeScope();
    }

    private sealed class Operation(IReadOnlyList<nn.Module> parts, Func<Tensor[], Tensor> forward, int count, Tensor[] parameters)
        : DifferentiableOperation
    {
        private Tensor? _stream;

        public override string Name => "Recomputation";

        protected override Tensor[] Forward(Tensor[] inputs)
        {
            using var scope = NewDisposeScope();
            _stream = get_rng_state().MoveToOuterDisposeScope();
            return [forward(inputs[..count]).MoveToOuterDisposeScope()];
        }

        protected override Tensor[] Saved(Tensor[] inputs)
        {
            var stream = _stream!;
            _stream = null;
            return [.. inputs, stream];
        }

        protected override Tensor?[] Backward(Tensor[] saved, Tensor?[] gradients)
        {
            if (is_grad_enabled())
                throw new NotSupportedException("What is computed again has first derivatives only: take gradients without create_graph.");
            using var scope = NewDisposeScope();
            var buffers = parts.SelectMany(p => p.buffers()).DistinctBy(TensorIdentity.Of).Select(b => (Buffer: b, Before: b.clone()))
                .ToList();
            using var now = get_rng_state();
            RandomState.Restore(saved[^1]);
            try
            {
                using var grads = enable_grad();
                var inputs = Enumerable.Range(0, count).Select(i => Wants(i) ? saved[i].detach().requires_grad_(true) : saved[i].detach())
                    .ToArray();
                var result = forward(inputs);
                List<Tensor> wanted = [.. inputs.Where((_, i) => Wants(i)), .. parameters];
                var found = new Queue<Tensor?>(Derivatives.Of([result], wanted, [gradients[0]!]));
                List<Tensor?> all = [];
                for (var i = 0; i < count + parameters.Length; i++)
                    all.Add(i >= count || Wants(i) ? found.Dequeue()?.MoveToOuterDisposeScope() : null);
                return [.. all];
            }
            finally
            {
                RandomState.Restore(now);
                using var quiet = no_grad();
                // Running statistics have counted this batch already.
                foreach (var (buffer, before) in buffers) buffer.copy_(before);
            }
        }
    }
}
