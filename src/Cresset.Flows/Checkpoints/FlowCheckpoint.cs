using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>
/// Opens flows that nflows, zuko, normflows, glow-pytorch or FrEIA trained, from their state dicts: the flow is built from keys and shapes,
/// with masks, orders and permutations of the file. What a file does not say is the package's default or in
/// <see cref="FlowCheckpointOptions"/>; what is not known is refused by its key.
/// </summary>
/// <remarks>
/// Defaults that no file tells from their alternatives: FrEIA's clamp of 2, softplus for global scales and no reversed permutation;
/// normflows' split mode "channel";
/// rational-quadratic splines with linear tails; rectifiers.
/// </remarks>
public static class FlowCheckpoint
{
    /// <summary>Opens a file of torch.save or safetensors.</summary>
    /// <param name="path">The file.</param>
    /// <param name="options">What the file does not say.</param>
    /// <param name="section">Which state dict of a checkpoint that holds several; null takes the only one.</param>
    /// <returns>The flow in evaluation mode, in the type of its weights.</returns>
    /// <exception cref="CheckpointException">A part of the flow is not known, or the file does not fit.</exception>
    public static DensityModel Open(string path, FlowCheckpointOptions? options = null, string? section = null)
    {
        using var source = TensorFile.Open(path, section);
        using var scope = NewDisposeScope();
        return Read(path, source.Entries.Keys.ToDictionary(k => k, source.Read), options ?? new FlowCheckpointOptions());
    }

    /// <summary>Opens tensors in memory; they are copied.</summary>
    /// <inheritdoc cref="Open(string, FlowCheckpointOptions?, string?)"/>
    public static DensityModel Open(IReadOnlyDictionary<string, Tensor> state, FlowCheckpointOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(state);
        using var scope = NewDisposeScope();
        return Read("The state", state.ToDictionary(p => p.Key, p => p.Value.cpu()), options ?? new FlowCheckpointOptions());
    }

    private static DensityModel Read(string path, IReadOnlyDictionary<string, Tensor> tensors, FlowCheckpointOptions options)
    {
        options.ThrowIfInvalid();
        const string Parallel = "module.";
        // What DataParallel puts in front.
        if (tensors.Count > 0 && tensors.Keys.All(k => k.StartsWith(Parallel, StringComparison.Ordinal)))
            tensors = tensors.ToDictionary(p => p.Key[Parallel.Length..], p => p.Value);
        using var quiet = no_grad();
        var state = new ForeignState(path, tensors);
        DensityModel flow;
        try
        {
            flow = Of(options.Library == FlowLibrary.Auto ? Told(state) : options.Library, state, options);
        }
        catch (Exception e) when (e is ArithmeticException or IndexOutOfRangeException or ArgumentException or InvalidOperationException
            or System.Runtime.InteropServices.ExternalException)
        {
            // Numbers in the file that no flow has: a feature of a number beyond all, a permutation that is none, shapes that do not fit
            // each other.
            throw new CheckpointException($"{path}: its tensors do not fit together ({e.Message.Split('\n')[0]}). Nothing was loaded.");
        }
        if (state.Left() is { Count: > 0 } left)
        {
            flow.Dispose();
            throw state.Refused(
                $"{left.Count} tensors belong to no part of the flow that was read: "
                    + $"{string.Join(", ", left.Take(10))}{(left.Count > 10 ? ", ..." : "")}");
        }
        // Base distributions that are not in the file too.
        if (tensors.Values.FirstOrDefault(t => t.is_floating_point()) is { } like && like.dtype != ScalarType.Float32) flow.to(like.dtype);
        // Converting a module makes new tensors, in the scope of this call.
        foreach (var tensor in flow.state_dict().Values) tensor.DetachFromDisposeScope();
        flow.eval();
        return flow;
    }

    private static DensityModel Of(FlowLibrary library, ForeignState state, FlowCheckpointOptions options) => library switch
    {
        FlowLibrary.Nflows => new NflowsReader(options).Read(state),
        FlowLibrary.Zuko => new ZukoReader(options).Read(state),
        FlowLibrary.Normflows => new NormflowsReader(options).Read(state),
        FlowLibrary.GlowPytorch => GlowPytorchReader.Read(state, options),
        FlowLibrary.Freia => new FreiaReader(options).Read(state),
        _ => throw state.Refused(
            "the keys are of none of nflows (_transform...), zuko (transform.transforms...), normflows (flows..., q0...), glow-pytorch "
                + "(blocks...flows...) and FrEIA (module_list...)"),
    };

    private static FlowLibrary Told(ForeignState state)
    {
        bool Any(string prefix) => state.Keys.Any(k => k.StartsWith(prefix, StringComparison.Ordinal));
        if (Any("module_list.")) return FlowLibrary.Freia;
        if (Any("_transform.")) return FlowLibrary.Nflows;
        if (Any("transform.transforms.")) return FlowLibrary.Zuko;
        if (Any("blocks.0.flows.")) return FlowLibrary.GlowPytorch;
        return Any("flows.") ? FlowLibrary.Normflows : FlowLibrary.Auto;
    }
}
