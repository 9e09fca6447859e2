using Cresset.Nn;
using Cresset.Tensors;
using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>
/// <see cref="StateDict.Load(nn.Module, ITensorSource, bool, KeyMap?)"/> for networks of gigabytes, which the pipelines load with it: where
/// element types agree the mapped file itself becomes the weight, nothing is copied, and pages are read when they are first used; weights
/// in few bits may stay as they are stored.
/// </summary>
internal static class WeightLoader
{
    /// <summary>Loads every weight of the module; all keys and shapes are compared before the first is touched.</summary>
    /// <param name="module">The network, best built with <see cref="WeightPlace.Nowhere"/>.</param>
    /// <param name="source">The checkpoint; may be disposed afterwards.</param>
    /// <param name="dtype">Element type of the weights; null keeps the stored one, and on a CPU matrices in 8 bits or fewer as they are
    /// stored.</param>
    /// <param name="device">Device; null is the CPU.</param>
    /// <param name="cancellation">Stops between two tensors.</param>
    /// <returns>What was loaded; keys that only the checkpoint has are reported, not refused.</returns>
    /// <exception cref="CheckpointException">Keys are missing, shapes differ, or a value lies beyond <paramref name="dtype"/>; nothing was
    /// changed.</exception>
    public static LoadReport Load(nn.Module module, ITensorSource source, ScalarType? dtype = null, Device? device = null,
        CancellationToken cancellation = default)
    {
        var onCpu = device is null || device.type == TorchSharp.DeviceType.CPU;
        return Load(module, source, _ => dtype, keepPacked: dtype is null && onCpu, device, cancellation);
    }

    /// <summary>As above, the element type chosen by the type in which a tensor is stored; null keeps that.</summary>
    internal static LoadReport Load(nn.Module module, ITensorSource source, Func<ScalarType, ScalarType?> dtype, bool keepPacked,
        Device? device, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(module);
        ArgumentNullException.ThrowIfNull(source);
        var slots = Slots(module);
        var report = Compare(slots, source);
        if (report.Missing.Count > 0 || report.MisShaped.Count > 0) throw new CheckpointException(source.Path, report);
        using var noGrad = no_grad();
        var converted = new List<string>();
        foreach (var (key, _) in slots)
        {
            var stored = source.Entries[key].Dtype.Scalar();
            var wanted = dtype(stored) ?? stored;
            if (wanted == stored) continue;
            converted.Add($"{key}: {source.Entries[key].TypeName} to {wanted}");
            if (TensorCasts.KeepsAll(stored, wanted)) continue;
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            if (TensorCasts.Loss(source.Map(key), wanted) is { } loss)
                throw new CheckpointException($"{source.Path}: '{key}' {loss}. Nothing was loaded; bf16 and fp32 reach to 3.4e38.");
        }
        foreach (var (key, slot) in slots)
        {
            cancellation.ThrowIfCancellationRequested();
            if (keepPacked && slot.Owner.TakesPacked(slot.Name) && source.PackedOrNull(key) is { } packed)
            {
                slot.Owner.Assign(packed);
                continue;
            }
            var tensor = source.Map(key);
            var wanted = dtype(tensor.dtype) ?? tensor.dtype;
            if (tensor.dtype != wanted || (device is not null && device.type != TorchSharp.DeviceType.CPU))
            {
                using var stored = tensor;
                tensor = stored.to(wanted, device ?? CPU);
            }
            slot.Owner.Assign(slot.Name, tensor);
        }
        return report with { Converted = converted };
    }

    /// <summary>What a network and a checkpoint have in common, without loading.</summary>
    public static LoadReport Compare(nn.Module module, ITensorSource source) => Compare(Slots(module), source);

    private static LoadReport Compare(Dictionary<string, (WeightLayer Owner, string Name, long[] Shape)> slots, ITensorSource source)
    {
        var report = StateDict.Compare(slots.ToDictionary(s => s.Key, s => s.Value.Shape),
            source.Entries.ToDictionary(e => e.Key, e => e.Value.Shape), new Dictionary<string, string>());
        string[] unread = [.. report.Loaded.Where(key => source.Entries[key].Dtype
            is not (SafetensorsDtype.F64 or SafetensorsDtype.F32 or SafetensorsDtype.F16 or SafetensorsDtype.BF16
                or SafetensorsDtype.F8E4M3 or SafetensorsDtype.F8E5M2))];
        return report with
        {
            Loaded = [.. report.Loaded.Except(unread)],
            MisShaped = [.. report.MisShaped,
                .. unread.Select(key => $"{key}: stored as {source.Entries[key].Dtype} without scales that are known")],
        };
    }

    internal static Dictionary<string, (WeightLayer Owner, string Name, long[] Shape)> Slots(nn.Module module)
    {
        var slots = new Dictionary<string, (WeightLayer Owner, string Name, long[] Shape)>();
        void Visit(string prefix, nn.Module current)
        {
            if (current is WeightLayer layer)
            {
                foreach (var (name, parameter) in layer.named_parameters(false)) slots[prefix + name] = (layer, name, parameter.shape);
                foreach (var (name, buffer) in layer.named_buffers(false)) slots[prefix + name] = (layer, name, buffer.shape);
            }
            foreach (var (name, child) in current.named_children()) Visit($"{prefix}{name}.", child);
        }
        Visit("", module);
        return slots;
    }
}
