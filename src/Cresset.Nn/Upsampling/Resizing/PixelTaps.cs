using Cresset.Kernels;

namespace Cresset.Nn;

/// <summary>
/// Where each result along one axis looks, and with what weights, in float64: result o is the sum of Weight[j] x[Index[j]] for j from
/// First[o] to First[o + 1].
/// </summary>
internal sealed record PixelTaps(int InSize, int[] First, int[] Index, double[] Weight)
{
    public int OutSize => First.Length - 1;

    /// <summary>The most pixels that one result adds up.</summary>
    public int Most { get; } = Enumerable.Range(0, First.Length - 1).Max(o => First[o + 1] - First[o]);

    /// <summary>True when every result is the pixel at its own place.</summary>
    public bool IsIdentity => InSize == OutSize && Most == 1 && !Index.Where((at, o) => at != o).Any();

    public AxisTaps ToFloat() => new(InSize, First, Index, [.. Weight.Select(w => (float)w)]);

    /// <summary>
    /// The taps of an axis under a convention. <paramref name="antialias"/> is asked for where the convention leaves the choice;
    /// <paramref name="enlarges"/>: a side of the picture grows (OpenCV's Area).
    /// </summary>
    public static PixelTaps Of(ResizeConvention convention, ResizeKernel kernel, int from, int to, bool antialias, bool enlarges)
    {
        var list = new List(from, to);
        switch (convention)
        {
            case ResizeConvention.Pillow when kernel != ResizeKernel.Nearest: Pillow(list, kernel); break;
            case ResizeConvention.OpenCv when kernel == ResizeKernel.Nearest: Nearest(list, 0); break;
            case ResizeConvention.OpenCv: OpenCv(list, kernel, enlarges); break;
            case ResizeConvention.Matlab: Matlab(list, kernel, antialias); break;
            case ResizeConvention.Jax when kernel != ResizeKernel.Nearest: Jax(list, kernel, antialias); break;
            default: Nearest(list, 0.5); break;
        }
        return list.Done();
    }

    /// <summary>The kernel at a distance in pixels.</summary>
    internal static double At(ResizeKernel kernel, double x) => kernel switch
    {
        ResizeKernel.Box => x is > -0.5 and <= 0.5 ? 1 : 0,
        ResizeKernel.Bilinear => Math.Max(0, 1 - Math.Abs(x)),
        ResizeKernel.Hamming => Hamming(Math.Abs(x)),
        ResizeKernel.Bicubic => Cubic(Math.Abs(x), -0.5),
        _ => Lanczos(Math.Abs(x), (int)Support(kernel)),
    };

    /// <summary>Half the width of the kernel in pixels.</summary>
    internal static double Support(ResizeKernel kernel) => kernel switch
    {
        ResizeKernel.Nearest or ResizeKernel.Box => 0.5,
        ResizeKernel.Bilinear or ResizeKernel.Hamming => 1,
        ResizeKernel.Bicubic or ResizeKernel.Lanczos2 => 2,
        ResizeKernel.Lanczos3 => 3,
        ResizeKernel.Lanczos4 => 4,
        _ => 5,
    };

    // Resample.c: bounds by rounding, weights over the pixels there are.
    private static void Pillow(List list, ResizeKernel kernel)
    {
        if (list.From == list.To)
        {
            Nearest(list, 0.5);
            return;
        }
        double step = (double)list.From / list.To, spread = Math.Max(step, 1), support = Support(kernel) * spread;
        for (var o = 0; o < list.To; o++)
        {
            var centre = (o + 0.5) * step;
            int start = Math.Max((int)(centre - support + 0.5), 0), end = Math.Min((int)(centre + support + 0.5), list.From);
            for (var i = start; i < end; i++) list.Add(i, At(kernel, (i - centre + 0.5) / spread));
            list.Close(normalize: true);
        }
    }

    private static void Nearest(List list, double shift)
    {
        var step = (double)list.From / list.To;
        for (var o = 0; o < list.To; o++)
        {
            list.Add((int)((o + shift) * step), 1);
            list.Close();
        }
    }

    // resize.cpp: half-pixel positions, border pixels repeated.
    private static void OpenCv(List list, ResizeKernel kernel, bool enlarges)
    {
        var step = (double)list.From / list.To;
        for (var o = 0; o < list.To; o++)
        {
            if (kernel == ResizeKernel.Area && !enlarges)
            {
                Share(list, o * step, step);
                continue;
            }
            var place = (o + 0.5) * step - 0.5;
            var low = (int)Math.Floor(place);
            // Positions are float32 there.
            var t = (double)(float)(place - low);
            switch (kernel)
            {
                case ResizeKernel.Area:
                    low = (int)Math.Floor(o * step);
                    var beyond = o + 1 - ((low + 1) / step);
                    t = beyond <= 0 ? 0 : beyond - Math.Floor(beyond);
                    goto case ResizeKernel.Bilinear;
                case ResizeKernel.Bilinear:
                    if (low < 0) (low, t) = (0, 0);
                    if (low >= list.From - 1) (low, t) = (list.From - 1, 0);
                    list.Add(low, 1 - t);
                    list.Add(low + 1, t);
                    break;
                case ResizeKernel.Bicubic:
                    for (var k = -1; k <= 2; k++) list.Add(low + k, Cubic(Math.Abs(k - t), -0.75));
                    break;
                default:
                    for (var k = -3; k <= 4; k++) list.Add(low + k, Lanczos(Math.Abs(k - t), 4));
                    break;
            }
            list.Close(normalize: kernel == ResizeKernel.Lanczos4);
        }
    }

    // The share of each pixel in a stretch of the axis; slivers below a thousandth are left out, as there.
    private static void Share(List list, double start, double step)
    {
        double end = start + step, width = Math.Min(step, list.From - start);
        int last = Math.Min((int)Math.Floor(end), list.From - 1), first = Math.Min((int)Math.Ceiling(start), last);
        if (first - start > 1e-3) list.Add(first - 1, (first - start) / width);
        for (var i = first; i < last; i++) list.Add(i, 1 / width);
        if (end - last > 1e-3) list.Add(last, Math.Min(Math.Min(end - last, 1), width) / width);
        list.Close();
    }

    // imresize: one-based centres, pixels mirrored at the edges.
    private static void Matlab(List list, ResizeKernel kernel, bool antialias)
    {
        double scale = (double)list.To / list.From, spread = scale < 1 && antialias && kernel != ResizeKernel.Nearest ? 1 / scale : 1,
            width = 2 * Support(kernel) * spread;
        for (var o = 1; o <= list.To; o++)
        {
            var centre = (o / scale) + (0.5 * (1 - (1 / scale)));
            var left = (int)Math.Floor(centre - (width / 2));
            for (var i = left; i <= left + (int)Math.Ceiling(width) + 1; i++)
            {
                // Its box takes its left edge, and not the right one.
                var x = (centre - i) / spread;
                var weight = kernel is ResizeKernel.Nearest or ResizeKernel.Box ? (x is >= -0.5 and < 0.5 ? 1 : 0) : At(kernel, x);
                if (weight != 0) list.Add(Mirrored(i - 1, list.From), weight);
            }
            list.Close(normalize: true);
        }
    }

    private static int Mirrored(int i, int size)
    {
        i %= 2 * size;
        if (i < 0) i += 2 * size;
        return i < size ? i : (2 * size) - 1 - i;
    }

    private static void Jax(List list, ResizeKernel kernel, bool antialias)
    {
        double step = (double)list.From / list.To, spread = antialias ? Math.Max(step, 1) : 1, support = Support(kernel) * spread;
        for (var o = 0; o < list.To; o++)
        {
            var place = ((o + 0.5) * step) - 0.5;
            for (var i = Math.Max(0, (int)Math.Ceiling(place - support)); i <= Math.Min(list.From - 1, (int)Math.Floor(place + support));
                i++) list.Add(i, At(kernel, (place - i) / spread));
            list.Close(normalize: true);
        }
    }

    private static double Cubic(double x, double a)
        => x <= 1 ? ((((a + 2) * x) - (a + 3)) * x * x) + 1 : x < 2 ? ((((a * x) - (5 * a)) * x) + (8 * a)) * x - (4 * a) : 0;

    private static double Lanczos(double x, int a) =>
        x >= a ? 0 : x == 0 ? 1 : a * Math.Sin(Math.PI * x) * Math.Sin(Math.PI * x / a) / (Math.PI * Math.PI * x * x);

    private static double Hamming(double x) =>
        x == 0 ? 1 : x >= 1 ? 0 : Math.Sin(Math.PI * x) / (Math.PI * x) * (0.54 + (0.46 * Math.Cos(Math.PI * x)));

    private sealed class List(int from, int to)
    {
        private readonly List<int> _first = [0];
        private readonly List<int> _index = [];
        private readonly List<double> _weight = [];

        public int From => from;

        public int To => to;

        public void Add(int index, double weight)
        {
            _index.Add(Math.Clamp(index, 0, from - 1));
            _weight.Add(weight);
        }

        public void Close(bool normalize = false)
        {
            double sum = 0;
            for (var j = _first[^1]; normalize && j < _weight.Count; j++) sum += _weight[j];
            for (var j = _first[^1]; normalize && sum != 0 && j < _weight.Count; j++) _weight[j] /= sum;
            _first.Add(_index.Count);
        }

        public PixelTaps Done() => new(from, [.. _first], [.. _index], [.. _weight]);
    }
}
