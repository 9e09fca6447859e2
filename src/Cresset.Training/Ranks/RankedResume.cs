using Cresset.Distributed;

namespace Cresset.Training;

/// <summary>The checkpoint that rank 0 goes on from, on every rank: hosts need not share a disk.</summary>
internal static class RankedResume
{
    private const int Piece = 1 << 26;

    /// <summary>
    /// Where the file lies: rank 0's own, a temporary copy elsewhere, null when there is none. Only the copy may be deleted.
    /// </summary>
    public static (string? Path, bool IsCopy) Share(ICommunicator ranks, string? path)
    {
        if (ranks.Size == 1) return (path, false);
        var length = path is null ? -1 : new FileInfo(path).Length;
        Span<byte> size = BitConverter.GetBytes(length);
        ranks.Broadcast(size);
        length = BitConverter.ToInt64(size);
        if (length < 0) return (null, false);
        var copy = ranks.Rank == 0 ? path!
            : Path.Combine(Path.GetTempPath(), $"cresset-rank-{ranks.Rank}-{Environment.ProcessId}.safetensors");
        var buffer = new byte[(int)Math.Min(Piece, length)];
        using var stream = ranks.Rank == 0 ? File.OpenRead(copy) : File.Create(copy);
        for (long at = 0; at < length; at += Piece)
        {
            var part = buffer.AsSpan(0, (int)Math.Min(Piece, length - at));
            if (ranks.Rank == 0) stream.ReadExactly(part);
            ranks.Broadcast(part);
            if (ranks.Rank > 0) stream.Write(part);
        }
        return (copy, ranks.Rank > 0);
    }
}
