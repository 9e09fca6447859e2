using Cresset.Numerics;
using Cresset.Tensors;
using static TorchSharp.torch;

namespace Cresset.Data;

/// <summary>What a conversion wrote, and what became of everything else in the file.</summary>
/// <param name="Tensors">Tensors written.</param>
/// <param name="Bytes">Their bytes.</param>
/// <param name="Renamed">Keys that changed, old and new.</param>
/// <param name="Converted">Tensors whose element type changed, such as "ids: U64 to I64".</param>
/// <param name="Dropped">What the new file lacks: keys, other state dicts, optimizer states, facts.</param>
/// <param name="Notes">Tied keys, names of classes that were left alone.</param>
public sealed record ConversionReport(
    int Tensors, long Bytes, IReadOnlyList<(string From, string To)> Renamed, IReadOnlyList<string> Converted,
    IReadOnlyList<string> Dropped, IReadOnlyList<string> Notes);

/// <summary>Turns weights of any format that is read into safetensors or <c>.npz</c>.</summary>
public static class WeightConversion
{
    /// <summary>
    /// Writes the tensors of <paramref name="from"/> to <paramref name="to"/> (<c>.safetensors</c> or <c>.npz</c>, by its name), one after
    /// the other and bit for bit where no type is asked for and the new format has the old one's.
    /// </summary>
    /// <param name="from">Any file that <see cref="WeightFile"/> opens.</param>
    /// <param name="to">The file to write.</param>
    /// <param name="section">Which state dict of a PyTorch checkpoint that holds several.</param>
    /// <param name="dtype">A type for all floating-point tensors; null keeps their own.</param>
    /// <param name="keys">Renames or drops keys.</param>
    /// <param name="overwrite">Replace a file that is there.</param>
    /// <param name="cancellation">Stops between two tensors; nothing is left behind then.</param>
    /// <exception cref="ArgumentException">The target is there, is the source, or has another ending.</exception>
    /// <exception cref="NotSupportedException">A tensor cannot be held by the target's format; it is named, and nothing is
    /// written.</exception>
    public static ConversionReport Convert(string from, string to, string? section = null, ScalarType? dtype = null, KeyMap? keys = null,
        bool overwrite = false, CancellationToken cancellation = default)
    {
        var isNumPy = Path.GetExtension(to).ToUpperInvariant() switch
        {
            ".SAFETENSORS" => false,
            ".NPZ" => true,
            _ => throw new ArgumentException(
                $"{to} cannot be written: the ending decides the format, and .safetensors and .npz are written.", nameof(to)),
        };
        if (Path.GetFullPath(from) == Path.GetFullPath(to))
            throw new ArgumentException($"{to} is the file itself; name another one.", nameof(to));
        if ((File.Exists(to) && !overwrite) || Directory.Exists(to))
            throw new ArgumentException($"{to} exists; choose to overwrite it (--force), or name another file.", nameof(to));
        using var opened = WeightFile.Open(from, section);
        var source = RenamedTensors.Of(opened, keys ?? KeyMap.Identity);
        if (source.Entries.Count == 0)
            throw new InvalidDataException(opened.Entries.Count == 0 ? $"{from} holds no tensors."
                : $"{from}: all {opened.Entries.Count} tensors were dropped; nothing is left to write.");
        RefuseUnread(source);
        var written = isNumPy ? WriteNumPy(source, to, dtype, cancellation) : WriteSafetensors(source, to, dtype, cancellation);
        return new ConversionReport(
            written.Count,
            written.Values.Sum(e => e.Length),
            source.Renamed,
            [.. written.Values.Where(e => e.TypeName != source.Entries[e.Name].TypeName)
                .Select(e => $"{e.Name}: {source.Entries[e.Name].TypeName} to {e.TypeName}")],
            Dropped(opened, source, isNumPy),
            Notes(opened, source, isNumPy));
    }

    private static void RefuseUnread(RenamedTensors source)
    {
        var unread = source.Entries.Values.Where(e => e.Dtype == SafetensorsDtype.Unknown).ToList();
        if (unread.Count == 0) return;
        throw new NotSupportedException($"{source.Path}: {unread.Count} of {source.Entries.Count} tensors are of a kind that is not read: "
            + string.Join(", ", unread.Take(5).Select(e => $"'{e.Name}' ({e.TypeName})")) + (unread.Count > 5 ? ", ..." : "")
            + ". Drop them by their keys (--drop) to convert the others.");
    }

    private static Dictionary<string, SafetensorsEntry> WriteSafetensors(RenamedTensors source, string to, ScalarType? dtype,
        CancellationToken cancellation)
    {
        var texts = source.Metadata.Where(pair => pair.Key.Length > 0).ToDictionary();
        SafetensorsWriter.Copy(to, source, texts, dtype, cancellation);
        using var back = SafetensorsFile.Open(to);
        return back.Entries.ToDictionary();
    }

    // NumPy has no bfloat16 and nothing narrower than a byte: what would need another type is refused unless one was asked for.
    private static Dictionary<string, SafetensorsEntry> WriteNumPy(RenamedTensors source, string to, ScalarType? dtype,
        CancellationToken cancellation)
    {
        if (dtype == ScalarType.BFloat16)
            throw new ArgumentException("dtype is BFloat16, which NumPy lacks; allowed for .npz are fp16, fp32 and fp64.", nameof(dtype));
        var types = source.Entries.Values.ToDictionary(e => e.Name,
            e => dtype is { } wanted && e.Dtype.IsFloating() ? wanted : e.Dtype.Scalar());
        var lost =
            source.Entries.Values.Where(e => types[e.Name] is ScalarType.BFloat16 or ScalarType.ComplexFloat32 or ScalarType.ComplexFloat64)
                .ToList();
        if (lost.Count > 0)
        {
            var isComplex = lost.Exists(e => types[e.Name] != ScalarType.BFloat16);
            var isBrain = lost.Exists(e => types[e.Name] == ScalarType.BFloat16);
            throw new NotSupportedException(
                $"{source.Path}: {lost.Count} tensors have a type that .npz files are not written with, '{lost[0].Name}' "
                    + $"({lost[0].TypeName}) first."
                    + (isBrain ? " Choose one for all floating-point tensors, such as --dtype fp32." : "")
                    + (isComplex ? " Complex ones can be dropped (--drop) or written as .safetensors." : ""));
        }
        NpzFile.Write(to, source.Entries.Keys.Order(StringComparer.Ordinal), name =>
        {
            cancellation.ThrowIfCancellationRequested();
            using var tensor = source.Map(name);
            return TensorCasts.To(tensor, types[name], name, source.Path);
        });
        return source.Entries.Values.ToDictionary(e => e.Name, e =>
        {
            var type = SafetensorsDtypes.Of(types[e.Name]);
            return new SafetensorsEntry(e.Name, type, e.Shape, 0, type.Bytes(e.Count));
        });
    }

    private static List<string> Dropped(ITensorSource opened, RenamedTensors source, bool isNumPy)
    {
        var dropped = source.Dropped.Select(key => $"key {key}").ToList();
        if (opened is PyTorchFile checkpoint)
        {
            dropped.AddRange(checkpoint.Sections.Where(s => s != checkpoint.Section)
                .Select(s => s.Length == 0 ? "the tensors at the top of the file" : $"state dict '{s}'"));
            dropped.AddRange(checkpoint.Optimizers.Select(o => $"optimizer state '{o}'"));
        }
        if (isNumPy && source.Metadata.Count > 0) dropped.Add($"{source.Metadata.Count} texts of metadata, which .npz has no place for");
        if (isNumPy) dropped.AddRange(source.Aliases.Select(a => $"key {a.Key}, the same weight as {a.Value}"));
        return dropped;
    }

    private static List<string> Notes(ITensorSource opened, RenamedTensors source, bool isNumPy)
    {
        var notes = new List<string>();
        if (opened is PyTorchFile { Section: { Length: > 0 } section }) notes.Add($"taken from the state dict '{section}'");
        if (!isNumPy && source.Aliases.Count > 0)
            notes.Add(
                $"{source.Aliases.Count} tied keys are written once and named in the metadata: "
                    + $"{string.Join(", ", source.Aliases.Take(5).Select(a => $"{a.Key} = {a.Value}"))}"
                    + $"{(source.Aliases.Count > 5 ? ", ..." : "")}");
        if (!isNumPy && source.Metadata.Count > 0) notes.Add($"{source.Metadata.Count} plain values are kept as metadata texts");
        if (opened is PyTorchFile { Unknown: { Count: > 0 } unknown })
            notes.Add(
                $"classes and functions that the file names were left alone, with what they hold: "
                    + $"{string.Join(", ", unknown.Keys.Take(10))}{(unknown.Count > 10 ? ", ..." : "")}");
        return notes;
    }
}
