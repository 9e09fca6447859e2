using System.Text;
using Cresset.Detection;
using Xunit;

namespace Cresset.Tests.Managed.Detection;

/// <summary>Masks that are kept as text, measured on the way and compared run by run, beside pixels counted one by one.</summary>
public sealed class MaskLawTests
{
    [Fact]
    public void TextsAreMeasuredAsTheirPixelsAre()
    {
        var random = new System.Random(4);
        for (var n = 0; n < 400; n++)
        {
            int h = random.Next(1, 40), w = random.Next(1, 40);
            var pixels = Pixels(random, h, w);
            var plain = RunLengthMask.Encode(pixels, h, w);
            var kept = RunLengthMask.FromCompressedText(plain.ToCompressedText(), h, w);
            Assert.Equal(pixels.Sum(p => p), kept.Area);
            Assert.Equal(BoundsOf(pixels, h, w), kept.Bounds);
            Assert.Equal(kept.Bounds, plain.Bounds);
            Assert.Equal(plain.Counts.ToArray(), kept.Counts.ToArray());
            Assert.Equal(plain.GetHashCode(), kept.GetHashCode());
        }
    }

    [Fact]
    public void OverlapsAreThoseOfThePixels()
    {
        var random = new System.Random(5);
        for (var n = 0; n < 400; n++)
        {
            int h = random.Next(1, 30), w = random.Next(1, 30);
            byte[] a = Pixels(random, h, w), b = Pixels(random, h, w);
            var first = RunLengthMask.FromCompressedText(RunLengthMask.Encode(a, h, w).ToCompressedText(), h, w);
            var second = RunLengthMask.Encode(b, h, w);
            long both = a.Zip(b).Count(p => p.First + p.Second == 2), any = a.Zip(b).Count(p => p.First + p.Second > 0);
            Assert.Equal(both == 0 ? 0 : (double)both / any, first.Iou(second));
            Assert.Equal(both == 0 ? 0 : (double)both / a.Sum(p => p), first.Iou(second, otherIsCrowd: true));
        }
    }

    /// <summary>Empty runs inside a list are odd but allowed; with them in one mask alone nothing changes.</summary>
    [Fact]
    public void EmptyRunsInsideChangeNothing()
    {
        RunLengthMask odd = new(4, 5, [3, 2, 0, 3, 12]), plain = new(4, 5, [3, 5, 12]), other = new(4, 5, [5, 6, 9]);
        Assert.Equal((plain.Area, plain.Bounds), (odd.Area, odd.Bounds));
        Assert.Equal(plain.Iou(other), odd.Iou(other));
        Assert.Equal(other.Iou(plain), other.Iou(odd));
        Assert.Equal(0, new RunLengthMask(4, 5, [20, 0]).Area);
        Assert.Equal(default, new RunLengthMask(4, 5, [20, 0]).Bounds);
        Assert.Equal(-1, plain.Iou(new RunLengthMask(5, 4, [3, 5, 12])));
    }

    [Theory]
    [InlineData("52", 4, 5, "sum to")]
    [InlineData("P", 4, 5, "ends inside")]
    [InlineData("5 2", 4, 5, "character 1")]
    [InlineData("5ooooooooo1", 4, 5, "character 9")]
    [InlineData("52L", 4, 5, "run 2")]
    [InlineData("d0", 0, 0, "")]
    public void BrokenTextsSayWhatIsWrong(string text, int height, int width, string message)
        => Assert.Contains(message,
            Assert.Throws<FormatException>(() => RunLengthMask.FromCompressedText(text, height, width)).Message, StringComparison.Ordinal);

    /// <summary>The size may come after the counts, and masks of one file share their memory.</summary>
    [Fact]
    public void MasksOfAFileAreReadInAnyOrderOfTheirFields()
    {
        var random = new System.Random(6);
        var masks = Enumerable.Range(0, 300).Select(_ => RunLengthMask.Encode(Pixels(random, 60, 50), 60, 50)).ToArray();
        var json = new StringBuilder("[");
        for (var i = 0; i < masks.Length; i++)
        {
            var counts = i % 3 == 2 ? $"[{string.Join(", ", masks[i].Counts.ToArray())}]"
                : "\"" + masks[i].ToCompressedText().Replace("\\", "\\\\", StringComparison.Ordinal) + "\"";
            var size = i % 2 == 0 ? "[60, 50]" : "[ 60,50 ]";
            var fields = i % 5 < 2 ? $"\"size\": {size}, \"counts\": {counts}" : $"\"counts\":{counts},\"size\":{size}";
            json.Append(i == 0 ? "" : ",").Append($$"""{"image_id":1,"category_id":1,"segmentation":{{{fields}}},"score":0.5}""");
        }
        using var stream = new MemoryStream(Encoding.UTF8.GetBytes(json.Append(']').ToString()));
        var read = CocoFormat.ReadResults(stream, "masks").Items.ToArray();
        Assert.Equal(masks, read.Select(d => ((RunLengthSegmentation)d.Shape!.Segmentation!).Mask));
        Assert.Equal(masks.Select(m => m.Bounds), read.Select(d => d.Box));
    }

    /// <summary>Point by point as the COCO mask code draws, with corners outside, repeated and negative ones.</summary>
    [Fact]
    public void PolygonsAreWalkedAsTheReferenceWalksThem()
    {
        var random = new System.Random(7);
        for (var n = 0; n < 600; n++)
        {
            int h = random.Next(1, 50), w = random.Next(1, 50);
            var corners = new double[2 * random.Next(1, 9)];
            for (var i = 0; i < corners.Length; i++)
            {
                var value = (random.NextDouble() * 80) - 15;
                corners[i] = random.Next(4) == 0 && i > 1 ? corners[i - 2] : random.Next(3) == 0 ? Math.Round(value) : value;
            }
            Assert.Equal(Drawn(corners, h, w), RunLengthMask.FromPolygon(corners, h, w).Counts.ToArray());
        }
    }

    private static uint[] Drawn(double[] polygon, int h, int w)
    {
        var k = polygon.Length / 2;
        int[] x = [.. Enumerable.Range(0, k + 1).Select(j => (int)((5.0 * polygon[2 * (j % k)]) + .5))];
        int[] y = [.. Enumerable.Range(0, k + 1).Select(j => (int)((5.0 * polygon[(2 * (j % k)) + 1]) + .5))];
        List<int> u = [], v = [];
        for (var j = 0; j < k; j++)
        {
            int xs = x[j], xe = x[j + 1], ys = y[j], ye = y[j + 1], dx = Math.Abs(xe - xs), dy = Math.Abs(ys - ye);
            var flip = (dx >= dy && xs > xe) || (dx < dy && ys > ye);
            if (flip) (xs, xe, ys, ye) = (xe, xs, ye, ys);
            var slope = dx >= dy ? (double)(ye - ys) / dx : (double)(xe - xs) / dy;
            for (var d = 0; d <= Math.Max(dx, dy); d++)
            {
                var t = flip ? Math.Max(dx, dy) - d : d;
                u.Add(dx >= dy ? t + xs : (int)(xs + (slope * t) + .5));
                v.Add(dx >= dy ? (int)(ys + (slope * t) + .5) : t + ys);
            }
        }
        List<uint> ends = [(uint)(h * w)];
        for (var j = 1; j < u.Count; j++)
        {
            if (u[j] == u[j - 1]) continue;
            var column = (((u[j] < u[j - 1] ? u[j] : u[j] - 1) + .5) / 5) - .5;
            if (Math.Floor(column) != column || column < 0 || column > w - 1) continue;
            var row = Math.Clamp((((v[j] < v[j - 1] ? v[j] : v[j - 1]) + .5) / 5) - .5, 0, h);
            ends.Add((uint)(((int)column * h) + (int)Math.Ceiling(row)));
        }
        ends.Sort();
        uint before = 0;
        List<uint> counts = [];
        var gaps = ends.ConvertAll(end => (Gap: end - before, Next: before = end).Gap);
        counts.Add(gaps[0]);
        for (var j = 1; j < gaps.Count;)
        {
            if (gaps[j] > 0) counts.Add(gaps[j++]);
            else if (++j < gaps.Count) counts[^1] += gaps[j++];
        }
        return [.. counts];
    }

    private static byte[] Pixels(System.Random random, int h, int w)
    {
        var share = random.NextDouble();
        var pixels = new byte[h * w];
        // Patches rather than noise, so that runs have lengths; now and then nothing or everything.
        for (var k = random.Next(4); k > 0; k--)
        {
            int x0 = random.Next(w), y0 = random.Next(h), x1 = random.Next(x0, w), y1 = random.Next(y0, h);
            for (var x = x0; x <= x1; x++)
            {
                for (var y = y0; y <= y1; y++) pixels[(x * h) + y] = random.NextDouble() < share ? (byte)0 : (byte)1;
            }
        }
        if (random.Next(20) == 0) Array.Fill(pixels, (byte)1);
        return pixels;
    }

    private static Box BoundsOf(byte[] pixels, int h, int w)
    {
        int[] set = [.. Enumerable.Range(0, h * w).Where(i => pixels[i] != 0)];
        if (set.Length == 0) return default;
        int x0 = set.Min(i => i / h), x1 = set.Max(i => i / h), y0 = set.Min(i => i % h), y1 = set.Max(i => i % h);
        // The reference takes the whole height as soon as a run goes on into the next column.
        var wraps = Enumerable.Range(0, (h * w) - 1).Any(i => (i + 1) % h == 0 && pixels[i] != 0 && pixels[i + 1] != 0);
        return wraps ? new Box(x0, 0, x1 - x0 + 1, h) : new Box(x0, y0, x1 - x0 + 1, y1 - y0 + 1);
    }
}
