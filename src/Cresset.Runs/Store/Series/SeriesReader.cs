using Microsoft.Data.Sqlite;

namespace Cresset.Runs;

/// <summary>Reads series, whole or as a zoom that touches only as much as is shown.</summary>
internal static class SeriesReader
{
    public static SeriesPoint[] All(SqliteConnection connection, long key, long count)
    {
        // The count is only a claim: room for more than a million is made when they come.
        var points = new SeriesPoint[Math.Clamp(count, 0, 1 << 20)];
        var filled = 0;
        using var command = connection.Prepare("SELECT data FROM chunks WHERE series = $0 AND level = 0 ORDER BY number", key);
        using var reader = command.ExecuteReader();
        while (reader.Read())
        {
            var chunk = ChunkCodec.DecodePoints(reader.Blob(0));
            if (filled + chunk.Length > points.Length) Array.Resize(ref points, Math.Max(filled + chunk.Length, 2 * points.Length));
            chunk.CopyTo(points, filled);
            filled += chunk.Length;
        }
        return filled == points.Length ? points : points[..filled];
    }

    public static SeriesBucket[] Zoom(SqliteConnection connection, long key, long count, long fromStep, long toStep, int maxBuckets)
    {
        var covered = connection.Query(
            "SELECT coalesce(sum(count), 0) FROM chunks INDEXED BY chunks_range WHERE series = $0 AND level = 0 AND last_step >= $1 AND "
                + "first_step <= $2",
            r => r.GetInt64(0), key, fromStep, toStep)[0];
        var level = 0;
        // At least as many items as are asked for, at most sixteen times as many.
        for (var items = covered; items > (long)ChunkCodec.FanOut * maxBuckets; items /= ChunkCodec.FanOut) level++;
        var found = new List<SeriesBucket>();
        if (level > 0) AddChunks(found, level, 0);
        // Points that do not fill a bucket of this level yet stand in the levels below.
        for (var below = level - 1; below >= 0; below--) AddChunks(found, below, count / Power(below + 1) * ChunkCodec.FanOut);
        if (level == 0) AddChunks(found, 0, 0);
        return Group(found, maxBuckets);

        void AddChunks(List<SeriesBucket> into, int at, long firstItem)
        {
            using var command = connection.Prepare(
                "SELECT number, data FROM chunks WHERE series = $0 AND level = $1 AND number >= $2 AND last_step >= $3 AND first_step <= "
                    + "$4 ORDER BY number",
                key, at, firstItem / ChunkCodec.Capacity, fromStep, toStep);
            using var reader = command.ExecuteReader();
            while (reader.Read())
            {
                var skip = (int)Math.Clamp(firstItem - (reader.Whole(0) * ChunkCodec.Capacity), 0, ChunkCodec.Capacity);
                var data = reader.Blob(1);
                var buckets = at == 0 ? Array.ConvertAll(ChunkCodec.DecodePoints(data), p => SeriesBucket.Of(p))
                    : ChunkCodec.DecodeBuckets(data);
                for (var i = skip; i < buckets.Length; i++)
                {
                    if (buckets[i].LastStep >= fromStep && buckets[i].FirstStep <= toStep) into.Add(buckets[i]);
                }
            }
        }
    }

    /// <summary>Neighbours taken together until at most <paramref name="maxBuckets"/> are left.</summary>
    public static SeriesBucket[] Group(List<SeriesBucket> items, int maxBuckets)
    {
        if (items.Count <= maxBuckets) return [.. items];
        var grouped = new SeriesBucket[maxBuckets];
        var all = System.Runtime.InteropServices.CollectionsMarshal.AsSpan(items);
        for (var i = 0; i < maxBuckets; i++)
        {
            var begin = (int)((long)items.Count * i / maxBuckets);
            var end = (int)((long)items.Count * (i + 1) / maxBuckets);
            grouped[i] = SeriesBucket.Merge(all[begin..end]);
        }
        return grouped;
    }

    private static long Power(int level)
    {
        long power = 1;
        for (var i = 0; i < level; i++) power *= ChunkCodec.FanOut;
        return power;
    }
}
