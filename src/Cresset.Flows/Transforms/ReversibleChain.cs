using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>Back-propagation by inversion (Dinh et al. 2014, Gomez et al. 2017): inputs of the parts are recomputed from the output.</summary>
internal sealed class ReversibleChain : autograd.MultiTensorFunction<ReversibleChain>
{
    public override string Name => nameof(ReversibleChain);

    public static (Tensor Output, Tensor LogAbsDet) Forward(IReadOnlyList<FlowTransform> parts, Tensor x, Tensor? context)
    {
        var parameters = parts.SelectMany(p => p.parameters()).Where(p => p.requires_grad).Cast<Tensor>().ToArray();
        var chain = new Chain(parts, parameters, context is { requires_grad: true });
        // The engine calls backward only when an input asks for a gradient.
        object[] inputs = [chain, x, context ?? zeros(0, dtype: x.dtype), .. parameters];
        var results = apply(inputs);
        return (results[0], results[1]);
    }

    public override List<Tensor> forward(autograd.AutogradContext ctx, params object[] vars)
    {
        var chain = (Chain)vars[0];
        var context = Context((Tensor)vars[2]);
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        Tensor current = ((Tensor)vars[1]).alias(), total = zeros(current.size(0), dtype: current.dtype, device: current.device);
        foreach (var part in chain.Parts)
        {
            using var step = NewDisposeScope();
            var (output, logAbsDet) = part.Forward(current, context);
            current.Dispose();
            current = output.MoveToOuterDisposeScope();
            total.add_(logAbsDet);
        }
        ctx.save_data("chain", chain);
        // TorchSharp cannot make the zeros itself for an output that nothing used: it ends the process.
        ctx.set_materialize_grads(false);
        ctx.save_for_backward([current.detach().MoveToOuterDisposeScope(), (Tensor)vars[2]]);
        return [current.MoveToOuterDisposeScope(), total.MoveToOuterDisposeScope()];
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, List<Tensor> grad_outputs)
    {
        var chain = (Chain)ctx.get_data("chain");
        var saved = ctx.get_saved_variables();
        var context = Context(saved[1]);
        using var scope = NewDisposeScope();
        var index = chain.Parameters.Select((p, i) => (p.Handle, i)).ToDictionary(p => p.Handle, p => p.i);
        var gradients = new Tensor?[chain.Parameters.Length];
        var output = saved[0];
        var gradient = grad_outputs[0] is { IsInvalid: false } g0 ? g0 : zeros_like(output);
        var logGradient = grad_outputs[1] is { IsInvalid: false } g1 ? g1 : zeros(output.size(0), dtype: output.dtype, device: output.device);
        Tensor? contextGradient = chain.ContextGradient ? zeros_like(context!) : null;
        for (var k = chain.Parts.Count - 1; k >= 0; k--)
        {
            using var step = NewDisposeScope();
            Tensor input;
            using (no_grad()) input = chain.Parts[k].Inverse(output, context).Output.detach().requires_grad_(true);
            using var grad = enable_grad();
            var given = chain.ContextGradient ? context!.detach().requires_grad_(true) : context;
            var (again, logAbsDet) = chain.Parts[k].Forward(input, given);
            var own = chain.Parts[k].parameters().Where(p => p.requires_grad).ToArray();
            List<Tensor> wanted = [input, .. own];
            if (chain.ContextGradient) wanted.Add(given!);
            List<Tensor> results = [again], cotangents = [gradient];
            if (logAbsDet.requires_grad)
            {
                results.Add(logAbsDet);
                cotangents.Add(logGradient);
            }
            var found = autograd.grad(results, wanted, cotangents, allow_unused: true);
            using var noGrad = no_grad();
            for (var i = 0; i < own.Length; i++)
            {
                if (found[i + 1] is not { IsInvalid: false } g) continue;
                ref var slot = ref gradients[index[own[i].Handle]];
                slot = slot is null ? g.MoveToOtherDisposeScope(scope) : slot.add_(g);
            }
            if (chain.ContextGradient && found[^1] is { IsInvalid: false } c) contextGradient!.add_(c);
            // Kept ones would make memory grow with depth after all.
            if (k < chain.Parts.Count - 1)
            {
                gradient.Dispose();
                output.Dispose();
            }
            gradient = found[0].MoveToOtherDisposeScope(scope);
            output = input.detach().MoveToOtherDisposeScope(scope);
        }
        List<Tensor> all = [null!, gradient.MoveToOuterDisposeScope(), contextGradient?.MoveToOuterDisposeScope()!];
        for (var i = 0; i < gradients.Length; i++) all.Add((gradients[i] ?? zeros_like(chain.Parameters[i])).MoveToOuterDisposeScope());
        return all;
    }

    private static Tensor? Context(Tensor stored) => stored.numel() == 0 ? null : stored;

    private sealed record Chain(IReadOnlyList<FlowTransform> Parts, Tensor[] Parameters, bool ContextGradient);
}
