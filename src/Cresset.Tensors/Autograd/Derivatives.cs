using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Tensors;

/// <summary>
/// Gradients whose errors can be caught. TorchSharp 0.107's <c>autograd.grad</c> lets every error of libtorch end the process (a graph used
/// twice, an in-place change, a backward pass that fails); here they are exceptions, and one of a Cresset operation has its cause as inner
/// exception.
/// </summary>
public static class Derivatives
{
    // A Boolean, which no gradient can be, stands for an input that the outputs do not depend on.
    private const string Source = """
        def gradients(outputs: List[Tensor], inputs: List[Tensor], cotangents: List[Tensor], retain: bool, create: bool) -> List[Tensor]:
            given: List[Optional[Tensor]] = []
            for c in cotangents:
                given.append(c)
            found = torch.grad(outputs, inputs, given, retain, create, True)
            results: List[Tensor] = []
            for f in found:
                if f is None:
                    results.append(torch.zeros([], dtype=11))
                else:
                    results.append(f)
            return results

        """;

    private static readonly Lazy<jit.CompilationUnit> Script = new(() => jit.compile(Source.ReplaceLineEndings("\n")));

    /// <summary>
    /// The sum of cotangent times derivative over all outputs, for each input; null for an input that no output depends on.
    /// </summary>
    /// <param name="outputs">Tensors with a graph.</param>
    /// <param name="inputs">Tensors that require a gradient; their own <c>grad</c> is not touched.</param>
    /// <param name="cotangents">One for each output and of its shape; null for outputs of one element, whose cotangents are 1.</param>
    /// <param name="retainGraph">Keep the graph for another pass.</param>
    /// <param name="createGraph">Give the gradients a graph of their own, for derivatives of a higher order; keeps the graph too.</param>
    /// <exception cref="ArgumentException">No graph, an input without gradient, or a cotangent of another shape.</exception>
    /// <exception cref="InvalidOperationException">The backward pass failed.</exception>
    public static Tensor?[] Of(IReadOnlyList<Tensor> outputs, IReadOnlyList<Tensor> inputs, IReadOnlyList<Tensor>? cotangents = null,
        bool retainGraph = false, bool createGraph = false)
    {
        ArgumentNullException.ThrowIfNull(outputs);
        ArgumentNullException.ThrowIfNull(inputs);
        if (inputs.Count == 0) return [];
        Check(outputs, inputs, cotangents);
        Tensor[] given = cotangents is not null ? [.. cotangents] : [.. outputs.Select(o => ones_like(o))];
        BackwardFailure.Take();
        try
        {
            // TorchScript's entry catches what autograd.grad lets through, at the same cost.
            var found = Script.Value.invoke<Tensor[]>("gradients", outputs.ToArray(), inputs.ToArray(), given, retainGraph || createGraph,
                createGraph);
            return Array.ConvertAll(found, Present);
        }
        catch (ExternalException e)
        {
            throw Failed(e);
        }
        finally
        {
            if (cotangents is null) Array.ForEach(given, g => g.Dispose());
        }
    }

    /// <summary>Runs backward as <c>loss.backward()</c> does; an error of an operation of Cresset comes with its cause.</summary>
    /// <param name="loss">A tensor of one element with a graph.</param>
    /// <param name="retainGraph">Keep the graph for another pass.</param>
    /// <exception cref="InvalidOperationException">The backward pass failed.</exception>
    public static void Backward(Tensor loss, bool retainGraph = false)
    {
        ArgumentNullException.ThrowIfNull(loss);
        BackwardFailure.Take();
        try
        {
            loss.backward(retain_graph: retainGraph);
        }
        catch (ExternalException e)
        {
            throw Failed(e);
        }
    }

    private static Tensor? Present(Tensor gradient)
    {
        if (gradient.dtype != ScalarType.Bool) return gradient;
        gradient.Dispose();
        return null;
    }

    private static void Check(IReadOnlyList<Tensor> outputs, IReadOnlyList<Tensor> inputs, IReadOnlyList<Tensor>? cotangents)
    {
        if (outputs.Count == 0) throw new ArgumentException("Derivatives: there is no output.", nameof(outputs));
        if (cotangents is not null && cotangents.Count != outputs.Count)
            throw new ArgumentException($"Derivatives: {cotangents.Count} cotangents for {outputs.Count} outputs.", nameof(cotangents));
        for (var i = 0; i < outputs.Count; i++)
        {
            if (!outputs[i].requires_grad)
                throw new ArgumentException(
                    $"Derivatives: output {i} has no graph: it was made without gradients or from tensors that require none.",
                    nameof(outputs));
            if (cotangents is null)
            {
                if (outputs[i].numel() != 1)
                    throw new ArgumentException(
                        $"Derivatives: output {i} has shape {Shape.Text(outputs[i])}: give cotangents, or sum it up first.",
                        nameof(cotangents));
            }
            else if (!cotangents[i].shape.AsSpan().SequenceEqual(outputs[i].shape))
            {
                throw new ArgumentException(
                    $"Derivatives: cotangent {i} has shape {Shape.Text(cotangents[i])}; the output has {Shape.Text(outputs[i])}.",
                    nameof(cotangents));
            }
        }
        for (var i = 0; i < inputs.Count; i++)
        {
            if (!inputs[i].requires_grad) throw new ArgumentException($"Derivatives: input {i} requires no gradient.", nameof(inputs));
        }
    }

    private static InvalidOperationException Failed(ExternalException error)
    {
        if (BackwardFailure.Take() is { } failure)
            return new InvalidOperationException($"The backward pass of {failure.Operation} failed: {failure.Cause.Message}",
                failure.Cause);
        // TorchScript's own lines come before libtorch's.
        const string Mark = "RuntimeError: ";
        var lines = error.Message.Split('\n');
        var line = Array.Find(lines, l => l.StartsWith(Mark, StringComparison.Ordinal));
        return new InvalidOperationException($"The backward pass failed: {(line is null ? lines[0] : line[Mark.Length..])}", error);
    }
}
