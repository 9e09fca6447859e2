using System.Globalization;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>
/// Back-propagation by inversion (Dinh et al. 2014, Gomez et al. 2017): inputs of the parts are recomputed from the output. What is won
/// back is compared with what went in; where it is off, or cannot be had, the inputs are computed forwards from the first one, which is
/// kept.
/// </summary>
internal sealed class ReversibleChain : DifferentiableOperation
{
    private readonly IReadOnlyList<FlowTransform> _parts;
    private readonly Tensor[] _parameters;
    private readonly bool _contextGradient;
    private readonly Action<string?>? _tell;
    // Which saved tensor holds the random state of a part; 0 for a part that draws nothing.
    private readonly int[] _stateOf;
    private Tensor[] _saved = [];

    private ReversibleChain(IReadOnlyList<FlowTransform> parts, Tensor[] parameters, bool contextGradient, Action<string?>? tell)
        => (_parts, _parameters, _contextGradient, _tell, _stateOf) = (parts, parameters, contextGradient, tell, new int[parts.Count]);

    public static (Tensor Output, Tensor LogAbsDet) Forward(IReadOnlyList<FlowTransform> parts, Tensor x, Tensor? context,
        Action<string?>? tell = null)
    {
        var parameters = parts.SelectMany(p => p.parameters()).Where(p => p.requires_grad).DistinctBy(TensorIdentity.Of).Cast<Tensor>()
            .ToArray();
        using var scope = NewDisposeScope();
        var chain = new ReversibleChain(parts, parameters, context is { requires_grad: true }, tell);
        var results = chain.ApplyAll([x, context ?? zeros(0, dtype: x.dtype, device: x.device), .. parameters]);
        return (results[0].MoveToOuterDisposeScope(), results[1].MoveToOuterDisposeScope());
    }

    protected override Tensor[] Forward(Tensor[] inputs)
    {
        var context = Context(inputs[1]);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        Tensor current = inputs[0].alias(), total = zeros(current.size(0), dtype: current.dtype, device: current.device);
        List<Tensor> states = [];
        for (var k = 0; k < _parts.Count; k++)
        {
            using var step = NewDisposeScope();
            using var before = _parts[k].training ? get_rng_state() : null;
            var (output, logAbsDet) = Apply(k, current, context, []);
            if (before is not null)
            {
                // A part that draws (dropout) must draw the same again.
                using var after = get_rng_state();
                using var then = TensorView.Dense<byte>(before);
                using var now = TensorView.Dense<byte>(after);
                if (!then.Span.SequenceEqual(now.Span))
                {
                    states.Add(before.clone().MoveToOtherDisposeScope(scope));
                    _stateOf[k] = 2 + states.Count;
                }
            }
            current.Dispose();
            current = output.MoveToOuterDisposeScope();
            total.add_(logAbsDet);
        }
        _saved = [current.detach().MoveToOuterDisposeScope(), inputs[1], inputs[0], .. states.Select(s => s.MoveToOuterDisposeScope())];
        return [current.MoveToOuterDisposeScope(), total.MoveToOuterDisposeScope()];
    }

    protected override Tensor[] Saved(Tensor[] inputs)
    {
        var saved = _saved;
        _saved = [];
        return saved;
    }

    protected override Tensor?[] Backward(Tensor[] saved, Tensor?[] gradientsOfResults)
    {
        if (is_grad_enabled())
            throw new NotSupportedException(
                "A reversible chain recomputes its inputs and has first derivatives only: take gradients without create_graph.");
        using var scope = NewDisposeScope();
        using var kept = new KeptState(_parts);
        var found = Inverted(saved, gradientsOfResults, out var reason);
        _tell?.Invoke(reason);
        found ??= Forwards(saved, gradientsOfResults);
        return [.. found.Select(g => g?.MoveToOuterDisposeScope())];
    }

    private Tensor?[]? Inverted(Tensor[] saved, Tensor?[] gradients, out string? reason)
    {
        try
        {
            return Pass(saved, gradients, null, out reason);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            reason = $"a part could not be inverted: {e.Message}";
            return null;
        }
    }

    private Tensor?[] Forwards(Tensor[] saved, Tensor?[] gradients)
    {
        var context = Context(saved[1]);
        List<Tensor> inputs = [saved[2].detach()];
        using (no_grad())
        {
            for (var k = 0; k < _parts.Count; k++) inputs.Add(Apply(k, inputs[^1], context, saved).Output.detach());
        }
        if (Distance(inputs[^1], saved[0]) is { } off)
            throw new InvalidOperationException(
                $"The transforms do not repeat themselves: a second pass over the same input differs by {off:g3} of its size. Parts that "
                    + $"draw at random on a device, or whose parameters changed in between, need RecomputeActivations = false.");
        return Pass(saved, gradients, inputs, out _)!;
    }

    // Null with a reason where inputs won back by inversion (inputs is null) are off.
    private Tensor?[]? Pass(Tensor[] saved, Tensor?[] gradientsOfResults, List<Tensor>? inputs, out string? reason)
    {
        var context = Context(saved[1]);
        var index = _parameters.Select((p, i) => (Identity: TensorIdentity.Of(p), i)).ToDictionary(p => p.Identity, p => p.i);
        var gradients = new Tensor?[_parameters.Length];
        using var scope = NewDisposeScope();
        var output = saved[0];
        var gradient = gradientsOfResults[0] ?? Zeros(0);
        var logGradient = gradientsOfResults[1] ?? Zeros(1);
        Tensor? contextGradient = _contextGradient ? zeros_like(context!) : null;
        for (var k = _parts.Count - 1; k >= 0; k--)
        {
            using var step = NewDisposeScope();
            Tensor input;
            using (no_grad())
                input = (inputs is null ? _parts[k].Inverse(output, Given(k, context)).Output : inputs[k]).detach().requires_grad_(true);
            using var grad = enable_grad();
            var given = _contextGradient ? context!.detach().requires_grad_(true) : context;
            var (again, logAbsDet) = Apply(k, input, given, saved);
            if (inputs is null && Distance(again, output) is { } off)
            {
                reason = Text(k, off);
                return null;
            }
            var own = _parts[k].parameters().Where(p => p.requires_grad).DistinctBy(TensorIdentity.Of).ToArray();
            var withContext = _contextGradient && _parts[k].TakesContext;
            List<Tensor> wanted = [input, .. own];
            if (withContext) wanted.Add(given!);
            List<Tensor> results = [again], cotangents = [gradient];
            if (logAbsDet.requires_grad)
            {
                results.Add(logAbsDet);
                cotangents.Add(logGradient);
            }
            var found = Derivatives.Of(results, wanted, cotangents);
            using var noGrad = no_grad();
            for (var i = 0; i < own.Length; i++)
            {
                if (found[i + 1] is not { } g) continue;
                ref var slot = ref gradients[index[TensorIdentity.Of(own[i])]];
                slot = slot is null ? g.MoveToOtherDisposeScope(scope) : slot.add_(g);
            }
            if (withContext && found[^1] is { } c) contextGradient!.add_(c);
            // Kept ones would make memory grow with depth after all.
            if (k < _parts.Count - 1)
            {
                gradient.Dispose();
                if (inputs is null) output.Dispose();
            }
            gradient = found[0]!.MoveToOtherDisposeScope(scope);
            output = inputs is null ? input.detach().MoveToOtherDisposeScope(scope) : output;
        }
        if (inputs is null && Distance(output, saved[2]) is { } whole)
        {
            reason = Text(0, whole);
            return null;
        }
        reason = null;
        List<Tensor?> all = [gradient.MoveToOuterDisposeScope(), contextGradient?.MoveToOuterDisposeScope()];
        for (var i = 0; i < gradients.Length; i++) all.Add((gradients[i] ?? zeros_like(_parameters[i])).MoveToOuterDisposeScope());
        return [.. all];
    }

    private (Tensor Output, Tensor LogAbsDet) Apply(int k, Tensor input, Tensor? context, Tensor[] saved)
    {
        if (saved.Length == 0 || _stateOf[k] == 0) return _parts[k].Forward(input, Given(k, context));
        using var current = get_rng_state();
        RandomState.Restore(saved[_stateOf[k]]);
        try
        {
            return _parts[k].Forward(input, Given(k, context));
        }
        finally
        {
            RandomState.Restore(current);
        }
    }

    private Tensor? Given(int k, Tensor? context) => _parts[k].TakesContext ? context : null;

    private string Text(int k, double off)
        => string.Create(CultureInfo.InvariantCulture,
            $"the inverse of part {k + 1} of {_parts.Count} ({_parts[k].GetType().Name}) is off by {off:g3} of the values' size");

    // The largest difference in a sample as a share of the sample's size; null where it is small enough for gradients to agree.
    private static double? Distance(Tensor a, Tensor b)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        Tensor difference = (a - b).abs().reshape(a.size(0), -1), size = b.abs().reshape(b.size(0), -1);
        if (difference.numel() == 0) return null;
        // A sample near zero is measured by the batch.
        var worst = (difference.amax(1) / maximum(size.amax(1), size.mean())).max().to(ScalarType.Float64).ToDouble();
        var limit = a.dtype switch { ScalarType.Float64 => 1e-8, ScalarType.Float32 => 1e-4, _ => 1e-2 };
        return worst <= limit || difference.max().to(ScalarType.Float64).ToDouble() == 0 ? null : worst;
    }

    private static Tensor? Context(Tensor stored) => stored.numel() == 0 ? null : stored;

    /// <summary>Running statistics that a second pass in training mode would move again: put back at the end.</summary>
    private sealed class KeptState : IDisposable
    {
        private readonly List<(Tensor Buffer, Tensor Copy)> _kept = [];

        public KeptState(IReadOnlyList<FlowTransform> parts)
        {
            using var noGrad = no_grad();
            foreach (var buffer in parts.Where(p => p.training).SelectMany(p => p.buffers()))
                _kept.Add((buffer, buffer.clone().DetachFromDisposeScope()));
        }

        public void Dispose()
        {
            using var noGrad = no_grad();
            foreach (var (buffer, copy) in _kept)
            {
                // Only what changed: a copy counts as a change of a tensor that another graph may have saved.
                using var same = buffer.eq(copy);
                if (!same.all().ToBoolean()) buffer.copy_(copy);
                copy.Dispose();
            }
        }
    }
}
