using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Cresset.Data;
using Cresset.Distributed;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>Before ranks work together: what must be the same on all of them.</summary>
internal static class RankedStart
{
    // Enough to tell data sets apart, and read in a moment.
    private const int Looked = 64;

    /// <summary>Refuses a job that one process must do, and ranks that were given other recipes or another version than rank 0.</summary>
    public static void CompareRecipes(ICommunicator ranks, ResolvedRecipe recipe)
    {
        if (ranks.Size == 1) return;
        CheckJob(ranks, recipe);
        var lines = recipe.Flatten().Select(f => $"{f.Key}={f.Value}").Prepend($"Cresset {typeof(RankedStart).Assembly.GetName().Version}").ToList();
        var all = ranks.Gather(Encoding.UTF8.GetBytes(string.Join('\n', lines))).Select(part => Encoding.UTF8.GetString(part)).ToList();
        var others = Enumerable.Range(1, all.Count - 1).Where(rank => all[rank] != all[0]).ToList();
        if (others.Count == 0) return;
        var (expected, found) = (all[0].Split('\n'), all[others[0]].Split('\n'));
        var at = Enumerable.Range(0, Math.Max(expected.Length, found.Length)).First(i => expected.ElementAtOrDefault(i) != found.ElementAtOrDefault(i));
        throw new CommunicationException(
            $"{Who(others)} was given another recipe than rank 0: there '{found.ElementAtOrDefault(at)}', at rank 0 '{expected.ElementAtOrDefault(at)}'. Start all ranks with the same command, recipe file and version of Cresset.");
    }

    /// <summary>Refuses a job that one process must do.</summary>
    public static void CheckJob(ICommunicator ranks, ResolvedRecipe recipe)
    {
        if (ranks.Size > 1 && recipe.Job is not Job { RunsOnRanks: true })
            throw new NotSupportedException($"The job '{recipe.Job.Name}' runs in one process, and {ranks.Size} ranks were started; leave out mpirun or 'launch'. Jobs that train one model with the common trainer run on several.");
    }

    /// <summary>Compares number, shapes and values of examples over the ranks, some of them spread over the whole.</summary>
    public static void CompareData(ICommunicator ranks, IDataset data)
    {
        if (ranks.Size == 1) return;
        using var scope = NewDisposeScope();
        var indices = Enumerable.Range(0, Math.Min(Looked, data.Count)).Select(i => (int)((long)i * data.Count / Math.Min(Looked, data.Count))).ToArray();
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using (var batch = data.Prepare(new BatchRequest(indices, 0, 0)).ToBatch())
        {
            foreach (var tensor in (Tensor?[])[batch.Inputs, batch.Targets])
            {
                if (tensor is null) continue;
                hash.AppendData(Encoding.UTF8.GetBytes($"{tensor.dtype} {Shape.Text(tensor)}"));
                if (tensor.numel() > 0) hash.AppendData(tensor.cpu().contiguous().bytes);
            }
        }
        var count = data.Count.ToString(CultureInfo.InvariantCulture);
        var all = ranks.Gather(Encoding.UTF8.GetBytes($"{count} {Convert.ToHexString(hash.GetHashAndReset())}")).Select(part => Encoding.UTF8.GetString(part)).ToList();
        var others = Enumerable.Range(1, all.Count - 1).Where(rank => all[rank] != all[0]).ToList();
        if (others.Count == 0) return;
        string[] counts = [all[0].Split(' ')[0], all[others[0]].Split(' ')[0]];
        throw new CommunicationException(
            $"{Who(others)} learns from other data than rank 0: {(counts[0] == counts[1] ? $"as many examples ({count}) with other values" : $"{counts[1]} examples there, {counts[0]} at rank 0")}. "
            + "Give every host the same files, or a disk that all share.");
    }

    private static string Who(IReadOnlyList<int> others) => others.Count == 1 ? $"Rank {others[0]}" : $"Each of the ranks {string.Join(", ", others)}";
}
