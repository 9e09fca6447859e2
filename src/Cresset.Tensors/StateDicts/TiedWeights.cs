using static TorchSharp.torch;

namespace Cresset.Tensors;

/// <summary>Keys of a module that stand for one weight, as an embedding and the head over it often do.</summary>
internal static class TiedWeights
{
    /// <summary>
    /// Every further key of a weight, and its first. Same memory, type, shape and strides; views of parts are weights of their own.
    /// </summary>
    public static Dictionary<string, string> Of(IReadOnlyDictionary<string, Tensor> tensors)
    {
        var first = new Dictionary<(nint Place, ScalarType Type, string Layout), string>();
        var tied = new Dictionary<string, string>();
        foreach (var (key, tensor) in tensors)
        {
            if (tensor.IsInvalid || tensor.numel() == 0 || TensorIdentity.Place(tensor) is not (not 0 and var place)) continue;
            var identity = (place, tensor.dtype, $"{string.Join(',', tensor.shape)};{string.Join(',', tensor.stride())}");
            if (!first.TryAdd(identity, key)) tied.Add(key, first[identity]);
        }
        return tied;
    }

    /// <summary>Refuses a file that has different values for one weight: whichever came last would win.</summary>
    public static void RefuseConflicts(ITensorSource source, IReadOnlyDictionary<string, string> from,
        IReadOnlyDictionary<string, string> tied, IReadOnlyList<string> loaded)
    {
        var wanted = loaded.ToHashSet();
        foreach (var group in tied.Where(pair => wanted.Contains(pair.Key)).GroupBy(pair => pair.Value))
        {
            var keys = group.Select(pair => pair.Key).Prepend(group.Key).Where(wanted.Contains).ToList();
            foreach (var other in keys.Skip(1))
            {
                if (from[keys[0]] == from[other]) continue;
                using var scope = NewDisposeScope();
                if (!SameValues(source.Map(from[keys[0]]), source.Map(from[other])))
                    throw new CheckpointException(
                        $"{source.Path} has different values for '{from[keys[0]]}' and '{from[other]}', which are one weight in the "
                            + $"module; nothing was copied. Untie them, or drop one key (KeyMap.Drop).");
            }
        }
    }

    // NaN equals itself here: the question is whether it matters which of the two is taken.
    private static bool SameValues(Tensor a, Tensor b) => a.equal(b).logical_or(a.ne(a).logical_and(b.ne(b))).all().item<bool>();
}
