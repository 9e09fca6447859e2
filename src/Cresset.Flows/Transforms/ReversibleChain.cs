using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>Back-propagation by inversion (Dinh et al. 2014, Gomez et al. 2017): inputs of the parts are recomputed from the output.</summary>
internal sealed class ReversibleChain : DifferentiableOperation
{
    private readonly IReadOnlyList<FlowTransform> _parts;
    private readonly Tensor[] _parameters;
    private readonly bool _contextGradient;
    private Tensor[] _saved = [];

    private ReversibleChain(IReadOnlyList<FlowTransform> parts, Tensor[] parameters, bool contextGradient)
        => (_parts, _parameters, _contextGradient) = (parts, parameters, contextGradient);

    public static (Tensor Output, Tensor LogAbsDet) Forward(IReadOnlyList<FlowTransform> parts, Tensor x, Tensor? context)
    {
        var parameters = parts.SelectMany(p => p.parameters()).Where(p => p.requires_grad).DistinctBy(TensorIdentity.Of).Cast<Tensor>().ToArray();
        using var scope = NewDisposeScope();
        var chain = new ReversibleChain(parts, parameters, context is { requires_grad: true });
        var results = chain.ApplyAll([x, context ?? zeros(0, dtype: x.dtype, device: x.device), .. parameters]);
        return (results[0].MoveToOuterDisposeScope(), results[1].MoveToOuterDisposeScope());
    }

    protected override Tensor[] Forward(Tensor[] inputs)
    {
        var context = Context(inputs[1]);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        Tensor current = inputs[0].alias(), total = zeros(current.size(0), dtype: current.dtype, device: current.device);
        foreach (var part in _parts)
        {
            using var step = NewDisposeScope();
            var (output, logAbsDet) = part.Forward(current, context);
            current.Dispose();
            current = output.MoveToOuterDisposeScope();
            total.add_(logAbsDet);
        }
        _saved = [current.detach().MoveToOuterDisposeScope(), inputs[1]];
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
        var context = Context(saved[1]);
        using var scope = NewDisposeScope();
        if (is_grad_enabled()) throw new NotSupportedException("A reversible chain recomputes its inputs and has first derivatives only: take gradients without create_graph.");
        var index = _parameters.Select((p, i) => (Identity: TensorIdentity.Of(p), i)).ToDictionary(p => p.Identity, p => p.i);
        var gradients = new Tensor?[_parameters.Length];
        var output = saved[0];
        var gradient = gradientsOfResults[0] ?? Zeros(0);
        var logGradient = gradientsOfResults[1] ?? Zeros(1);
        Tensor? contextGradient = _contextGradient ? zeros_like(context!) : null;
        for (var k = _parts.Count - 1; k >= 0; k--)
        {
            using var step = NewDisposeScope();
            Tensor input;
            using (no_grad()) input = _parts[k].Inverse(output, context).Output.detach().requires_grad_(true);
            using var grad = enable_grad();
            var given = _contextGradient ? context!.detach().requires_grad_(true) : context;
            var (again, logAbsDet) = _parts[k].Forward(input, given);
            var own = _parts[k].parameters().Where(p => p.requires_grad).DistinctBy(TensorIdentity.Of).ToArray();
            List<Tensor> wanted = [input, .. own];
            if (_contextGradient) wanted.Add(given!);
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
            if (_contextGradient && found[^1] is { } c) contextGradient!.add_(c);
            // Kept ones would make memory grow with depth after all.
            if (k < _parts.Count - 1)
            {
                gradient.Dispose();
                output.Dispose();
            }
            gradient = found[0]!.MoveToOtherDisposeScope(scope);
            output = input.detach().MoveToOtherDisposeScope(scope);
        }
        List<Tensor?> all = [gradient.MoveToOuterDisposeScope(), contextGradient?.MoveToOuterDisposeScope()];
        for (var i = 0; i < gradients.Length; i++) all.Add((gradients[i] ?? zeros_like(_parameters[i])).MoveToOuterDisposeScope());
        return [.. all];
    }

    private static Tensor? Context(Tensor stored) => stored.numel() == 0 ? null : stored;
}
