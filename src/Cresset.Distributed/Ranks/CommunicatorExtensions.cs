using System.Runtime.InteropServices;
using System.Text;

namespace Cresset.Distributed;

/// <summary>What can be said with the few calls of a communicator.</summary>
public static class CommunicatorExtensions
{
    /// <summary>A text of one rank, on all.</summary>
    /// <param name="ranks">The ranks.</param>
    /// <param name="text">What the root says; the others give null.</param>
    /// <param name="root">Who says it.</param>
    public static string BroadcastText(this ICommunicator ranks, string? text, int root = 0)
    {
        ArgumentNullException.ThrowIfNull(ranks);
        return Encoding.UTF8.GetString(ranks.BroadcastBytes(ranks.Rank == root ? Encoding.UTF8.GetBytes(text ?? "") : null, root));
    }

    /// <summary>Bytes of one rank, on all, whatever their number.</summary>
    /// <param name="ranks">The ranks.</param>
    /// <param name="bytes">What the root gives; the others give null.</param>
    /// <param name="root">Who gives it.</param>
    public static byte[] BroadcastBytes(this ICommunicator ranks, byte[]? bytes, int root = 0)
    {
        ArgumentNullException.ThrowIfNull(ranks);
        Span<long> length = [bytes?.Length ?? 0];
        ranks.Broadcast(MemoryMarshal.AsBytes(length), root);
        var all = ranks.Rank == root ? bytes ?? [] : new byte[length[0]];
        ranks.Broadcast(all, root);
        return all;
    }

    /// <summary>True when at least one rank says so.</summary>
    public static bool Any(this ICommunicator ranks, bool mine)
    {
        ArgumentNullException.ThrowIfNull(ranks);
        Span<double> vote = [mine ? 1 : 0];
        ranks.AllReduce(vote, Reduction.Max);
        return vote[0] > 0;
    }

    /// <summary>Compares a text over all ranks; null when it is the same everywhere, else the ranks that differ from rank 0.</summary>
    /// <param name="ranks">The ranks.</param>
    /// <param name="text">What this rank has; short, such as a hash.</param>
    public static IReadOnlyList<int>? Differing(this ICommunicator ranks, string text)
    {
        ArgumentNullException.ThrowIfNull(ranks);
        ArgumentNullException.ThrowIfNull(text);
        var all = ranks.Gather(Encoding.UTF8.GetBytes(text));
        var others = Enumerable.Range(1, all.Count - 1).Where(rank => !all[rank].AsSpan().SequenceEqual(all[0])).ToList();
        return others.Count == 0 ? null : others;
    }
}
