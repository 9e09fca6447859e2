namespace Cresset.Detection;

/// <summary>
/// Reads a large result file in pieces on several cores. A piece begins where the text looks like a new record; that it is one is proved
/// when the piece before ends exactly there. Only files without any fault or note are read so: whatever else is met, the file is read again
/// from its start, which gives the messages their places.
/// </summary>
internal static class CocoResultPieces
{
    private const long LeastPiece = 1 << 21;
    private const int Window = 1 << 16;

    /// <summary>The detections in the order of the file; null when it has to be read in one go.</summary>
    public static DetectedObject[]? TryRead(string path, DetectionDataset dataset, ReadOptions options, CancellationToken cancellation)
    {
        var threads = options.Threads == 0 ? Environment.ProcessorCount : options.Threads;
        var length = new FileInfo(path).Length;
        var pieces = (int)Math.Min(Math.Min(threads, 64), length / LeastPiece);
        if (pieces < 2 || FindStarts(path, length, pieces) is not { } starts) return null;
        var report = new ReadReport();
        var strict = options with { Lenient = false, Progress = null, Report = report };
        try
        {
            using var scanner = new JsonScanner(path, progress: null);
            var first = new CocoResultReader(scanner, new FaultDesk(path, strict), dataset, options.Parts, cancellation);
            if (!first.BeginPiece()) return null;
            // What the first record has decides what is read of all.
            var parts = first.Parts;
            var readers = new CocoResultReader[starts.Length + 1];
            var good = new bool[readers.Length];
            readers[0] = first;
            Parallel.For(0, readers.Length, new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = cancellation }, k =>
            {
                var stop = k < starts.Length ? starts[k] : long.MaxValue;
                if (k == 0)
                {
                    good[k] = first.ReadPiece(stop);
                    return;
                }
                using var own = new JsonScanner(path, null, starts[k - 1]);
                readers[k] = new CocoResultReader(own, new FaultDesk(path, strict with { Report = new ReadReport() }), dataset, parts,
                    cancellation);
                good[k] = readers[k].ReadPiece(stop) && readers[k].FaultCount == 0;
            });
            if (report.Total > 0 || !Array.TrueForAll(good, g => g)) return null;
            var all = new DetectedObject[readers.Sum(r => r.Count)];
            var at = 0;
            foreach (var reader in readers) at += reader.MoveTo(all.AsSpan(at));
            options.Report?.Tally(path, all.Length, 0);
            return all;
        }
        catch (DetectionFormatException)
        {
            return null;
        }
        catch (AggregateException e) when (e.InnerExceptions.All(i => i is DetectionFormatException or OperationCanceledException))
        {
            cancellation.ThrowIfCancellationRequested();
            return null;
        }
    }

    /// <summary>Offsets after the first, each at a brace that looks like the beginning of a record; null when there are none.</summary>
    private static long[]? FindStarts(string path, long length, int pieces)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1);
        var window = new byte[Window];
        var head = window.AsSpan(0, file.ReadAtLeast(window, Window, throwOnEndOfStream: false));
        var pattern = Opening(head).ToArray();
        if (pattern.Length == 0) return null;
        var starts = new List<long>();
        for (var k = 1; k < pieces; k++)
        {
            file.Position = length * k / pieces;
            var from = file.Position;
            var text = window.AsSpan(0, file.ReadAtLeast(window, Window, throwOnEndOfStream: false));
            if (Find(text, pattern) is not { } place || (starts.Count > 0 && from + place <= starts[^1])) return null;
            starts.Add(from + place);
        }
        return [.. starts];
    }

    /// <summary>The brace of the first record and its first name with both quotes: inside a text the quotes would be escaped.</summary>
    private static ReadOnlySpan<byte> Opening(ReadOnlySpan<byte> head)
    {
        if (head.StartsWith((ReadOnlySpan<byte>)[0xEF, 0xBB, 0xBF])) head = head[3..];
        var list = head.IndexOfAnyExcept(" \t\r\n"u8);
        if (list < 0 || head[list] != '[') return default;
        var rest = head[(list + 1)..];
        var brace = rest.IndexOfAnyExcept(" \t\r\n"u8);
        if (brace < 0 || rest[brace] != '{') return default;
        rest = rest[brace..];
        var name = rest.IndexOf((byte)'"');
        if (name < 0 || rest[1..name].IndexOfAnyExcept(" \t\r\n"u8) >= 0) return default;
        var end = rest[(name + 1)..].IndexOfAny((byte)'"', (byte)'\\');
        return end < 0 || rest[name + 1 + end] != '"' ? default : rest[..(name + 2 + end)];
    }

    private static int? Find(ReadOnlySpan<byte> text, byte[] pattern)
    {
        if (pattern.Length == 0) return null;
        for (var at = 0; at < text.Length;)
        {
            var next = text[at..].IndexOf(pattern);
            if (next < 0) return null;
            var before = text[..(at + next)].TrimEnd(" \t\r\n"u8);
            if (before.Length > 0 && before[^1] == ',') return at + next;
            at += next + 1;
        }
        return null;
    }
}
