using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Cresset.Tensors;
using static TorchSharp.torch;

namespace Cresset.Training;

/// <summary>
/// What a checkpoint says of itself in its metadata: the headline metric, and hashes of its tensors and texts by which it is known to be
/// whole without an index.
/// </summary>
internal static class CheckpointDigest
{
    public const string MetricKey = "checkpoint.metric";
    private const string DigestKey = "checkpoint.sha256", TextsKey = "checkpoint.texts";

    public static void Add(Snapshot state, double? metric)
    {
        if (metric is { } value) state.Put(MetricKey, value);
        state.Put(TextsKey, Of(state.Texts));
        state.Put(DigestKey, Of(state.Tensors));
    }

    /// <summary>True when the file carries a digest and its tensors have it.</summary>
    public static bool Holds(string path)
    {
        try
        {
            using var file = SafetensorsFile.Open(path);
            if (!file.Metadata.TryGetValue(DigestKey, out var digest)) return false;
            // Earlier versions had none of the texts.
            if (file.Metadata.TryGetValue(TextsKey, out var texts) && Of(file.Metadata) != texts) return false;
            using var scope = NewDisposeScope();
            return Of(file.Entries.Keys.ToDictionary(key => key, file.Map)) == digest;
        }
        catch (Exception e) when (e is InvalidDataException or IOException)
        {
            return false;
        }
    }

    /// <summary>True for a checkpoint that opens and was written before checkpoints carried a digest.</summary>
    public static bool IsOfEarlierVersion(string path)
    {
        try
        {
            using var file = SafetensorsFile.Open(path);
            return !file.Metadata.ContainsKey(DigestKey) && !file.Metadata.ContainsKey(TextsKey);
        }
        catch (Exception e) when (e is InvalidDataException or IOException)
        {
            return false;
        }
    }

    /// <summary>Counts what <see cref="Add"/> put in as read.</summary>
    public static void Skip(Snapshot state) => state.TextsUnder("checkpoint.");

    private static string Of(IReadOnlyDictionary<string, string> texts)
        => Convert.ToHexStringLower(
            SHA256.HashData(
                Encoding.UTF8.GetBytes(
                    string.Join('\n',
                        texts.Where(t => t.Key is not (DigestKey or TextsKey or "format")).OrderBy(t => t.Key, StringComparer.Ordinal)
                            .Select(t => $"{t.Key}={t.Value}")))));

    private static string Of(IReadOnlyDictionary<string, Tensor> tensors)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var (name, tensor) in tensors.OrderBy(t => t.Key, StringComparer.Ordinal))
        {
            using var scope = NewDisposeScope();
            hash.AppendData(
                Encoding.UTF8.GetBytes(
                    string.Create(CultureInfo.InvariantCulture, $"{name}\n{tensor.dtype}\n{string.Join(',', tensor.shape)}\n")));
            if (tensor.numel() > 0) hash.AppendData(tensor.contiguous().bytes);
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
