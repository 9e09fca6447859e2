using System.Text.Json;
using Cresset.Detection;
using Xunit;

namespace Cresset.Tests.Managed.Detection;

public sealed class RunLengthMaskTests
{
    private static readonly JsonElement Reference = Golden.Json("rle.json.gz");

    [Fact]
    public void TextAreaAndBoundsAgreeWithTheMaskCode()
    {
        foreach (var m in Reference.GetProperty("masks").EnumerateArray())
        {
            var (h, w) = Size(m);
            var mask = new RunLengthMask(h, w, [.. m.GetProperty("counts").Longs().Select(c => (uint)c)]);
            var text = m.GetProperty("string").GetString()!;
            Assert.Equal(text, mask.ToCompressedText());
            Assert.Equal(mask, RunLengthMask.FromCompressedText(text, h, w));
            Assert.Equal(m.GetProperty("area").GetInt64(), mask.Area);
            var b = mask.Bounds;
            Assert.Equal(m.GetProperty("bbox").Doubles(), new[] { b.X, b.Y, b.Width, b.Height });
            Assert.Equal(mask.Area, mask.Decode().Sum(x => (long)x));
            Assert.Equal(mask.Decode(), RunLengthMask.Encode(mask.Decode(), h, w).Decode());
        }
    }

    [Fact]
    public void PolygonsGiveTheSameRuns()
    {
        foreach (var p in Reference.GetProperty("polygons").EnumerateArray())
        {
            var (h, w) = Size(p);
            var polygons = p.GetProperty("polygons").EnumerateArray().Select(x => x.Doubles()).ToArray();
            var each = p.GetProperty("each").EnumerateArray().Select(x => x.GetString()).ToArray();
            for (var i = 0; i < polygons.Length; i++) Assert.Equal(each[i],
                RunLengthMask.FromPolygon(polygons[i], h, w).ToCompressedText());
            var merged = new PolygonSegmentation(polygons).ToMask(h, w);
            Assert.Equal(p.GetProperty("merged").GetString(), merged.ToCompressedText());
            Assert.Equal(p.GetProperty("area").GetInt64(), merged.Area);
            Assert.Equal(p.GetProperty("bbox").Doubles(),
                new[] { merged.Bounds.X, merged.Bounds.Y, merged.Bounds.Width, merged.Bounds.Height });
        }
    }

    [Fact]
    public void BoxesGiveTheSameRuns()
    {
        foreach (var b in Reference.GetProperty("boxes").EnumerateArray())
        {
            var (h, w) = Size(b);
            var box = b.GetProperty("box").Doubles();
            var mask = RunLengthMask.FromBox(new Box(box[0], box[1], box[2], box[3]), h, w);
            Assert.Equal(b.GetProperty("string").GetString(), mask.ToCompressedText());
            Assert.Equal(b.GetProperty("area").GetInt64(), mask.Area);
        }
    }

    [Fact]
    public void OverlapsAndMergesAgree()
    {
        foreach (var set in Reference.GetProperty("mask_iou").EnumerateArray())
        {
            var (h, w) = Size(set);
            var dt = set.GetProperty("dt").EnumerateArray().Select(t => RunLengthMask.FromCompressedText(t.GetString(), h, w)).ToArray();
            var gt = set.GetProperty("gt").EnumerateArray().Select(t => RunLengthMask.FromCompressedText(t.GetString(), h, w)).ToArray();
            var crowd = set.GetProperty("iscrowd").Longs();
            CocoGoldenTests.AssertClose(set.GetProperty("iou").Flat(), dt.SelectMany(d => gt.Select((g, j) => d.Iou(g, crowd[j] != 0))),
                1e-15, "mask IoU");
            if (set.TryGetProperty("union", out var union) && set.TryGetProperty("intersection", out var intersection))
            {
                var all = new[] { dt, gt, [.. dt, .. gt], [dt[0], gt[0]], [dt[0], dt[1]] };
                Assert.Contains(union.GetString(), all.Select(a => RunLengthMask.Union(a).ToCompressedText()));
                Assert.Contains(intersection.GetString(), all.Select(a => RunLengthMask.Intersect(a).ToCompressedText()));
            }
        }
    }

    [Fact]
    public void BoxOverlapsAgree()
    {
        foreach (var set in Reference.GetProperty("box_iou_xywh").EnumerateArray())
        {
            var dt = Boxes(set.GetProperty("dt"));
            var gt = Boxes(set.GetProperty("gt"));
            var crowd = set.GetProperty("iscrowd").Longs();
            CocoGoldenTests.AssertClose(set.GetProperty("iou").Flat(),
                dt.SelectMany(d => gt.Select((g, j) => BoxOverlap.Iou(d, g, crowd[j] != 0))), 1e-15, "box IoU");
        }
    }

    [Fact]
    public void BrokenTextIsRefused()
    {
        Assert.Throws<FormatException>(() => RunLengthMask.FromCompressedText("05", 3, 3));
        Assert.Throws<FormatException>(() => RunLengthMask.FromCompressedText("P", 4, 4));
        Assert.Throws<FormatException>(() => RunLengthMask.FromCompressedText("\u00e4", 4, 4));
        Assert.Throws<ArgumentException>(() => new RunLengthMask(2, 2, [3u]));
        Assert.Throws<ArgumentException>(() => RunLengthMask.FromPolygon([0, 0, double.NaN, 1, 2, 2], 4, 4));
    }

    private static Box[] Boxes(JsonElement list)
        => [.. list.EnumerateArray().Select(b => b.Doubles()).Select(b => new Box(b[0], b[1], b[2], b[3]))];

    private static (int H, int W) Size(JsonElement e) => (e.GetProperty("size")[0].GetInt32(), e.GetProperty("size")[1].GetInt32());

    /// <summary>
    /// A pixel of the band is set and has an unset pixel, or the image's edge, within the square of the distance around it.
    /// </summary>
    [Fact]
    public void TheBandOfAMaskIsThatOfItsDefinition()
    {
        var random = new System.Random(5);
        for (var n = 0; n < 300; n++)
        {
            int height = random.Next(1, 40), width = random.Next(1, 40);
            var pixels = new byte[height * width];
            for (var blob = random.Next(4); blob > 0; blob--)
            {
                int x0 = random.Next(width), y0 = random.Next(height), x1 = random.Next(x0, width), y1 = random.Next(y0, height);
                for (var x = x0; x <= x1; x++) pixels.AsSpan((x * height) + y0, y1 - y0 + 1).Fill(1);
            }
            if (n % 7 == 0) random.NextBytes(pixels);
            for (var i = 0; i < pixels.Length; i++) pixels[i] = (byte)(pixels[i] & 1);
            var ratio = random.NextDouble() * 0.15;
            var distance = Math.Max(1, (int)Math.Round(ratio * Math.Sqrt((height * height) + (width * width)), MidpointRounding.ToEven));
            bool Set(int x, int y) => x >= 0 && y >= 0 && x < width && y < height && pixels[(x * height) + y] != 0;
            var band = new byte[pixels.Length];
            for (var x = 0; x < width; x++)
            {
                for (var y = 0; y < height; y++)
                {
                    var inner = true;
                    for (var dx = -distance; dx <= distance && inner; dx++)
                    {
                        for (var dy = -distance; dy <= distance && inner; dy++) inner = Set(x + dx, y + dy);
                    }
                    band[(x * height) + y] = (byte)(Set(x, y) && !inner ? 1 : 0);
                }
            }
            Assert.Equal(RunLengthMask.Encode(band, height, width), RunLengthMask.Encode(pixels, height, width).Boundary(ratio));
        }
    }
}
