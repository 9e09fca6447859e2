namespace Cresset.Plots;

/// <summary>
/// Reduces colours to at most 256 by median cut: the box with the widest spread is halved at its median until there are enough.
/// </summary>
internal static class Palette
{
    private const int Size = 256;

    /// <summary>The palette as 0xRRGGBB and for each pixel its number in it.</summary>
    public static (int[] Palette, byte[] Indices) Reduce(int[] colors)
    {
        var counts = new Dictionary<int, int>();
        foreach (var color in colors) counts[color] = counts.GetValueOrDefault(color) + 1;
        // Sorted, so that the same pixels give the same bytes.
        var distinct = counts.Keys.Order().ToArray();
        var number = new Dictionary<int, byte>(distinct.Length);
        var palette = distinct;
        if (distinct.Length <= Size)
        {
            for (var i = 0; i < distinct.Length; i++) number[distinct[i]] = (byte)i;
        }
        else
        {
            palette = Cut(distinct, counts, number);
        }
        var indices = new byte[colors.Length];
        for (var i = 0; i < colors.Length; i++) indices[i] = number[colors[i]];
        return (palette, indices);
    }

    private static int[] Cut(int[] distinct, Dictionary<int, int> counts, Dictionary<int, byte> number)
    {
        List<ArraySegment<int>> boxes = [distinct];
        var queue = new PriorityQueue<int, double>();
        Enqueue(0);
        while (boxes.Count < Size && queue.TryDequeue(out var which, out _))
        {
            var box = boxes[which];
            if (box.Count < 2) continue;
            var channel = Widest(box).Channel;
            box.AsSpan()
                .Sort((a, b) => ((a >> channel) & 255) is var x && ((b >> channel) & 255) is var y && x != y ? x.CompareTo(y)
                    : a.CompareTo(b));
            long total = box.Sum(color => (long)counts[color]), sum = 0;
            var half = 1;
            while (half < box.Count - 1 && (sum += counts[box[half - 1]]) * 2 < total) half++;
            boxes[which] = box[..half];
            boxes.Add(box[half..]);
            Enqueue(which);
            Enqueue(boxes.Count - 1);
        }
        var palette = new int[boxes.Count];
        for (var i = 0; i < palette.Length; i++)
        {
            palette[i] = Mean(boxes[i], counts);
            foreach (var color in boxes[i]) number[color] = (byte)i;
        }
        return palette;

        void Enqueue(int which)
        {
            var spread = Widest(boxes[which]).Spread;
            if (spread > 0) queue.Enqueue(which, -spread * Math.Sqrt(boxes[which].Sum(color => (double)counts[color])));
        }
    }

    private static (int Channel, int Spread) Widest(ArraySegment<int> box)
    {
        var best = (Channel: 0, Spread: -1);
        foreach (var channel in new[] { 8, 16, 0 })
        {
            int min = 255, max = 0;
            foreach (var color in box)
            {
                var value = (color >> channel) & 255;
                min = Math.Min(min, value);
                max = Math.Max(max, value);
            }
            if (max - min > best.Spread) best = (channel, max - min);
        }
        return best;
    }

    private static int Mean(ArraySegment<int> box, Dictionary<int, int> counts)
    {
        long red = 0, green = 0, blue = 0, total = 0;
        foreach (var color in box)
        {
            var count = counts[color];
            red += (long)((color >> 16) & 255) * count;
            green += (long)((color >> 8) & 255) * count;
            blue += (long)(color & 255) * count;
            total += count;
        }
        return (int)(((red + (total / 2)) / total << 16) | ((green + (total / 2)) / total << 8) | ((blue + (total / 2)) / total));
    }
}
