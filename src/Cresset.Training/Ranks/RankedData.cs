using System.Globalization;
using System.Text;
using Cresset.Data;
using Cresset.Distributed;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Training;

/// <summary>Ranks must learn from the same examples: each reads its own files.</summary>
internal static class RankedData
{
    // Enough to tell data sets apart, and read in a moment.
    private const int Looked = 64;

    /// <summary>Compares number, types, shapes and values of examples over the ranks, some of them spread over the whole.</summary>
    /// <exception cref="CommunicationException">They differ.</exception>
    public static void Compare(ICommunicator ranks, IDataset data)
    {
        using var scope = NewDisposeScope();
        var looked = Math.Min(Looked, data.Count);
        var indices = Enumerable.Range(0, looked).Select(i => (int)((long)i * data.Count / looked)).ToArray();
        using var batch = data.Prepare(new BatchRequest(indices, 0, 0)).ToBatch();
        var tensors = new Dictionary<string, Tensor> { ["inputs"] = batch.Inputs };
        if (batch.Targets is { } targets) tensors["targets"] = targets;
        var count = data.Count.ToString(CultureInfo.InvariantCulture);
        var all = ranks.Gather(Encoding.UTF8.GetBytes($"{count} {TensorExchange.Hash(tensors)}"))
            .Select(part => Encoding.UTF8.GetString(part)).ToList();
        var others = Enumerable.Range(1, all.Count - 1).Where(rank => all[rank] != all[0]).ToList();
        if (others.Count == 0) return;
        string[] counts = [all[0].Split(' ')[0], all[others[0]].Split(' ')[0]];
        var difference = counts[0] == counts[1]
            ? $"as many examples ({counts[0]}) with other values"
            : $"{counts[1]} examples there, {counts[0]} at rank 0";
        throw new CommunicationException(
            $"{(others.Count == 1 ? $"Rank {others[0]}" : $"Each of the ranks {string.Join(", ", others)}")} learns from other data than "
                + $"rank 0: {difference}. Give every host the same files, or a disk that all share.");
    }
}
