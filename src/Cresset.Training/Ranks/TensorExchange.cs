using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Cresset.Distributed;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Training;

/// <summary>
/// Tensors between ranks. What lies dense in main memory is sent from where it lies, without a copy; the rest goes through one.
/// </summary>
internal static class TensorExchange
{
    // A span has at most 2 GiB.
    private const long MostElements = 1L << 27;

    /// <summary>Replaces the tensors by those of rank 0; all ranks give the same names and shapes.</summary>
    public static void Broadcast(ICommunicator ranks, IEnumerable<Tensor> tensors)
    {
        if (ranks.Size == 1) return;
        using var quiet = no_grad();
        foreach (var tensor in tensors)
        {
            using var scope = NewDisposeScope();
            if (tensor.numel() == 0) continue;
            var dense = Dense(tensor, out var isCopy);
            foreach (var piece in Pieces(dense)) ranks.Broadcast(piece.bytes);
            if (isCopy) tensor.copy_(dense);
        }
    }

    /// <summary>Adds up a float32 tensor over the ranks, in place.</summary>
    public static void Sum(ICommunicator ranks, Tensor tensor)
    {
        using var scope = NewDisposeScope();
        var dense = Dense(tensor, out var isCopy);
        foreach (var piece in Pieces(dense)) ranks.AllReduce(MemoryMarshal.Cast<byte, float>(piece.bytes));
        if (isCopy) tensor.copy_(dense);
    }

    /// <summary>
    /// The rows [n, ...] of all ranks after one another, in the order of ranks; each may bring another number. In main memory or wherever
    /// <paramref name="own"/> is.
    /// </summary>
    public static Tensor Join(ICommunicator ranks, Tensor own)
    {
        if (ranks.Size == 1) return own;
        using var quiet = no_grad();
        using var scope = NewDisposeScope();
        var dense = Dense(own, out _);
        var each = dense.shape[1..].Aggregate(1L, (a, b) => a * b) * dense.element_size();
        var parts = new List<Tensor>();
        foreach (var bytes in ranks.Gather(dense.numel() == 0 ? [] : dense.bytes.ToArray()))
        {
            var part = empty([each == 0 ? 0 : bytes.Length / each, .. dense.shape[1..]], dtype: dense.dtype);
            if (bytes.Length > 0) bytes.CopyTo(part.bytes);
            parts.Add(part);
        }
        return cat([.. parts]).to(own.device).MoveToOuterDisposeScope();
    }

    /// <summary>SHA-256 over names, types, shapes and values.</summary>
    public static string Hash(IReadOnlyDictionary<string, Tensor> tensors)
    {
        using var quiet = no_grad();
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var (name, tensor) in tensors.OrderBy(t => t.Key, StringComparer.Ordinal))
        {
            using var scope = NewDisposeScope();
            hash.AppendData(Encoding.UTF8.GetBytes($"{name}\n{tensor.dtype}\n{string.Join(',', tensor.shape)}\n"));
            if (tensor.numel() == 0) continue;
            foreach (var piece in Pieces(Dense(tensor, out _))) hash.AppendData(piece.bytes);
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static Tensor Dense(Tensor tensor, out bool isCopy)
    {
        if (tensor.is_sparse)
            throw new NotSupportedException("Sparse tensors cannot be exchanged between ranks; make the embedding with sparse: false.");
        isCopy = tensor.device_type != DeviceType.CPU || !tensor.is_contiguous();
        return isCopy ? tensor.detach().cpu().contiguous() : tensor.detach();
    }

    private static IEnumerable<Tensor> Pieces(Tensor dense)
    {
        if (dense.numel() <= MostElements)
        {
            yield return dense;
            yield break;
        }
        var flat = dense.view(-1);
        for (long at = 0; at < flat.numel(); at += MostElements) yield return flat.narrow(0, at, Math.Min(MostElements, flat.numel() - at));
    }
}
