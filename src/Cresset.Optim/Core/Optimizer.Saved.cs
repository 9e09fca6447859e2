using Cresset.Tensors;

namespace Cresset.Optim;

public sealed partial class Optimizer : ISaved
{
    /// <summary>Puts the state in: tensors under <c>optimizer/</c>, numbers under <c>optimizer.</c>.</summary>
    public void Save(Snapshot state)
    {
        ArgumentNullException.ThrowIfNull(state);
        // The copies of StateDict go over to the snapshot.
        var all = StateDict();
        foreach (var (name, value) in all.Tensors)
        {
            if (value.device.type == TorchSharp.DeviceType.CPU)
            {
                state.Take("optimizer/" + name, value);
                continue;
            }
            state.Put("optimizer/" + name, value);
            value.Dispose();
        }
        foreach (var (name, text) in all.ToMetadata()) state.Put(name, text);
    }

    /// <summary>Takes over a state that <see cref="Save"/> put in. Nothing changes when it does not fit.</summary>
    /// <exception cref="InvalidDataException">It belongs to another type of optimizer or to other parameters; the message lists
    /// all.</exception>
    public void Load(Snapshot state)
    {
        ArgumentNullException.ThrowIfNull(state);
        using var scope = TorchSharp.torch.NewDisposeScope();
        try
        {
            // Loading may take tensors over, and those of the snapshot are the snapshot's.
            var tensors = state.Under("optimizer/").ToDictionary(t => t.Key, t => t.Value.clone(), StringComparer.Ordinal);
            LoadStateDict(OptimizerState.FromMetadata(tensors, state.TextsUnder("optimizer.")));
        }
        catch (Exception e) when (e is ArgumentException or FormatException)
        {
            throw new InvalidDataException($"{state.Origin}: {e.Message}", e);
        }
    }
}
