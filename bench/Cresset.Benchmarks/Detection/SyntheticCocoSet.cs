using System.Buffers.Text;
using System.Text;

namespace Cresset.Benchmarks.Detection;

/// <summary>
/// A set of the size and statistics of COCO val 2017, made from a seed with + - * / sqrt and floor only, so that any language gives the
/// same numbers. Writes ground truth and results as COCO JSON.
/// </summary>
internal sealed class SyntheticCocoSet
{
    private static readonly double[] Quantiles = [0, .1, .2, .3, .42, .5, .6, .7, .76, .85, .95, 1];
    private static readonly double[] Sizes = [4, 11, 17, 24, 32, 43, 60, 84, 96, 150, 280, 420];
    private readonly int[] _categories = [.. Enumerable.Range(1, 90).Except([12, 26, 29, 30, 45, 66, 68, 69, 71, 83])];
    private readonly double[] _sums = new double[80];
    private ulong _state = 2017;
    private readonly byte[] _line = new byte[512];

    public SyntheticCocoSet()
    {
        double sum = 0;
        for (var k = 0; k < 80; k++)
        {
            sum += k == 0 ? 2 : 1.0 / (k + 1);
            _sums[k] = sum;
        }
    }

    /// <summary>State of the generator, to be compared with the recorded one.</summary>
    public ulong State => _state;

    public int Objects { get; private set; }

    public int Detections { get; private set; }

    public double SumOfScores { get; private set; }

    public void Write(string truthPath, string resultPath, int images)
    {
        using var truth = new BufferedStream(File.Create(truthPath), 1 << 20);
        using var results = new BufferedStream(File.Create(resultPath), 1 << 20);
        Put(truth, "{\"info\":{},\"images\":[");
        for (var i = 0; i < images; i++)
        {
            var (w, h) = SizeOf(i);
            Put(truth, $"{(i == 0 ? "" : ",")}{{\"id\":{1000 + (7 * i)},\"width\":{w},\"height\":{h},\"file_name\":\"{i:D6}.jpg\"}}");
        }
        Put(truth, "],\"categories\":[");
        for (var k = 0; k < 80; k++) Put(truth, $"{(k == 0 ? "" : ",")}{{\"id\":{_categories[k]},\"name\":\"class {_categories[k]}\"}}");
        Put(truth, "],\"annotations\":[");
        Put(results, "[");
        for (var i = 0; i < images; i++) WriteImage(truth, results, i);
        Put(truth, "]}");
        Put(results, "]");
    }

    private void WriteImage(Stream truth, Stream results, int i)
    {
        var (w, h) = SizeOf(i);
        var id = 1000 + (7 * i);
        var u = U();
        var n = 1 + (int)Math.Floor(27.8 * u * u * u);
        if (i % 100 == 99) n = 0;
        u = U();
        var classes = new int[1 + (int)Math.Floor(6 * u * u)];
        for (var c = 0; c < classes.Length; c++) classes[c] = Category();
        var found = new List<(int Category, double[] Box)>();
        for (var o = 0; o < n; o++)
        {
            var category = classes[(int)Math.Floor(U() * classes.Length)];
            var box = Box(w, h);
            var area = R2(box[2] * box[3] * (.5 + (.4 * U())));
            var crowd = U() < .012 ? 1 : 0;
            Objects++;
            PutRecord(truth, Objects == 1,
                $"{{\"id\":{Objects},\"image_id\":{id},\"category_id\":{_categories[category]},\"iscrowd\":{crowd},\"area\":", area, box,
                null);
            found.Add((category, box));
        }
        var count = 0;
        foreach (var (category, box) in found)
        {
            if (U() < .85)
            {
                var jittered = Jitter(box, .5);
                PutResult(results, id, category, jittered, F4(.3 + (.7 * Math.Sqrt(U()))));
                count++;
            }
            if (U() < .4)
            {
                var jittered = Jitter(box, 1.2);
                u = U();
                PutResult(results, id, category, jittered, F4(.6 * u * u));
                count++;
            }
        }
        for (; count < 100; count++)
        {
            var category = U() < .7 ? classes[(int)Math.Floor(U() * classes.Length)] : Category();
            var box = Box(w, h);
            u = U();
            PutResult(results, id, category, box, F4(.4 * u * u * u));
        }
    }

    private static (int W, int H) SizeOf(int i) => i % 3 == 0 ? (480, 640) : (640, 480);

    private static double R2(double x) => Math.Floor((x * 100) + 0.5) / 100;

    private static double F4(double x) => Math.Floor(x * 10000) / 10000;

    private double U()
    {
        _state += 0x9E3779B97F4A7C15;
        var z = _state;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        z ^= z >> 31;
        return (z >> 11) * (1.0 / 9007199254740992.0);
    }

    private int Category()
    {
        var v = U() * _sums[^1];
        for (var k = 0; k < 80; k++)
        {
            if (v < _sums[k]) return k;
        }
        return 79;
    }

    private double Size()
    {
        var u = U();
        for (var i = 0; i + 1 < Sizes.Length; i++)
        {
            if (u < Quantiles[i + 1])
            {
                return Sizes[i] + ((u - Quantiles[i]) / (Quantiles[i + 1] - Quantiles[i]) * (Sizes[i + 1] - Sizes[i]));
            }
        }
        return Sizes[^1];
    }

    private double[] Box(double imageWidth, double imageHeight)
    {
        var s = Size();
        var a = .5 + (1.5 * U());
        var q = Math.Sqrt(a);
        var w = Math.Min(s * q, imageWidth);
        var h = Math.Min(s / q, imageHeight);
        var x = U() * (imageWidth - w);
        var y = U() * (imageHeight - h);
        return [R2(x), R2(y), R2(w), R2(h)];
    }

    private double[] Jitter(double[] b, double k)
    {
        var dx = b[2] * k * (U() - .5) * U();
        var dy = b[3] * k * (U() - .5) * U();
        var dw = 1 + (k * (U() - .5) * U());
        var dh = 1 + (k * (U() - .5) * U());
        return [R2(b[0] + dx), R2(b[1] + dy), R2(b[2] * dw), R2(b[3] * dh)];
    }

    private void PutResult(Stream stream, int image, int category, double[] box, double score)
    {
        Detections++;
        SumOfScores += score;
        PutRecord(stream, Detections == 1, $"{{\"image_id\":{image},\"category_id\":{_categories[category]}", null, box, score);
    }

    private void PutRecord(Stream stream, bool first, string head, double? area, double[] box, double? score)
    {
        var n = Encoding.ASCII.GetBytes(first ? head : "," + head, _line);
        if (area is not null) n += Number(area.Value, n);
        n += Encoding.ASCII.GetBytes(",\"bbox\":[", _line.AsSpan(n));
        for (var i = 0; i < 4; i++)
        {
            if (i > 0) _line[n++] = (byte)',';
            n += Number(box[i], n);
        }
        _line[n++] = (byte)']';
        if (score is not null)
        {
            n += Encoding.ASCII.GetBytes(",\"score\":", _line.AsSpan(n));
            n += Number(score.Value, n);
        }
        _line[n++] = (byte)'}';
        stream.Write(_line, 0, n);
    }

    private int Number(double value, int at)
    {
        Utf8Formatter.TryFormat(value, _line.AsSpan(at), out var written);
        return written;
    }

    private static void Put(Stream stream, string text) => stream.Write(Encoding.ASCII.GetBytes(text));
}
