using System.Collections.Concurrent;
using Cresset.Kernels;

namespace Cresset.Nn;

/// <summary>
/// Where each result looks along one axis and with what weights, computed in float32 as PyTorch does (ATen/native/UpSample.h and
/// cpu/UpSampleKernel.cpp): a position that is a rounding step off moves every weight by that step.
/// </summary>
internal static class TapRules
{
    private const int Kept = 256;
    private static readonly ConcurrentDictionary<Key, AxisTaps> Known = new();

    /// <summary>
    /// Taps from inSize to outSize; scale is the factor that was given, null where the sizes decide. <paramref name="sizesFirst"/>:
    /// equal and double sizes overrule a given factor in nearest, which libtorch does for small pictures only.
    /// </summary>
    public static AxisTaps Of(ResizeMode mode, int inSize, int outSize, double? scale, bool align, bool antialias, bool sizesFirst)
    {
        if (Known.Count > Kept) Known.Clear();
        return Known.GetOrAdd(new Key(mode, inSize, outSize, scale, align, antialias, sizesFirst), Make);
    }

    private static AxisTaps Make(Key key)
    {
        var list = new TapList(key.In);
        switch (key.Mode)
        {
            case ResizeMode.Nearest or ResizeMode.NearestExact: Nearest(key, list); break;
            case ResizeMode.Area: Area(key, list); break;
            case ResizeMode.Bicubic when !key.Antialias: Cubic(key, list); break;
            case ResizeMode.Bilinear or ResizeMode.Bicubic when key.Antialias: Filtered(key, list); break;
            default: Linear(key, list); break;
        }
        return list.ToTaps();
    }

    // Source pixels a result: 1 / factor where one is given.
    private static float Step(in Key key)
    {
        if (key.Align) return key.Out > 1 ? (float)(key.In - 1) / (key.Out - 1) : 0;
        return key.Scale is { } factor ? (float)(1.0 / factor) : (float)key.In / key.Out;
    }

    private static void Nearest(in Key key, TapList list)
    {
        var step = Step(key);
        for (var o = 0; o < key.Out; o++)
        {
            // libtorch has two ways to the nearest place, which differ where a centre falls on the border of two pixels.
            var place = key.Mode == ResizeMode.NearestExact ? (key.Sizes ? (float)((o + 0.5) * step) : MathF.Max(Centre(step, o), 0) + 0.5f)
                : key.Sizes && key.Out == key.In ? o : key.Sizes && key.Out == 2L * key.In ? o >> 1 : o * step;
            list.Add(Math.Min((int)MathF.Floor(place), key.In - 1), 1);
            list.Close();
        }
    }

    private static void Linear(in Key key, TapList list)
    {
        var step = Step(key);
        for (var o = 0; o < key.Out; o++)
        {
            if (key.In == key.Out)
            {
                list.Add(o, 1);
                list.Add(o, 0);
            }
            else
            {
                var place = key.Align ? step * o : MathF.Max(Centre(step, o), 0);
                var low = Math.Min((int)place, key.In - 1);
                var share = Math.Clamp(place - low, 0, 1);
                list.Add(low, 1 - share);
                list.Add(Math.Min(low + 1, key.In - 1), share);
            }
            list.Close();
        }
    }

    private static void Cubic(in Key key, TapList list)
    {
        const float A = -0.75f;
        var step = Step(key);
        for (var o = 0; o < key.Out; o++)
        {
            var place = key.Align ? step * o : Centre(step, o);
            var low = Math.Min((int)MathF.Floor(place), key.In - 1);
            var t = Math.Clamp(place - low, 0, 1);
            float[] weights = [Far(t + 1, A), Near(t, A), Near(1 - t, A), Far(1 - t + 1, A)];
            for (var k = 0; k < 4; k++) list.Add(Math.Clamp(low + k - 1, 0, key.In - 1), weights[k]);
            list.Close();
        }
    }

    // A triangle or Keys' cubic with a = -1/2 that widens with the step, as Pillow's resize.
    private static void Filtered(in Key key, TapList list)
    {
        var cubic = key.Mode == ResizeMode.Bicubic;
        var step = Step(key);
        float half = cubic ? 2 : 1, support = step >= 1 ? half * step : half, inverse = step >= 1 ? (float)(1.0 / step) : 1;
        for (var o = 0; o < key.Out; o++)
        {
            if (key.In == key.Out)
            {
                list.Add(o, 1);
                list.Close();
                continue;
            }
            var centre = (float)(step * (o + 0.5));
            var start = Math.Max((int)(centre - support + 0.5), 0);
            var count = Math.Clamp(Math.Min((int)(centre + support + 0.5), key.In) - start, 0, 2 * (int)MathF.Ceiling(support) + 1);
            var weights = new float[count];
            var total = 0f;
            for (var j = 0; j < count; j++)
            {
                var x = (float)Math.Abs(((float)(j + start) - centre + 0.5) * inverse);
                weights[j] = cubic ? (x < 1 ? Near(x, -0.5f) : x < 2 ? Far(x, -0.5f) : 0) : MathF.Max(1 - x, 0);
                total += weights[j];
            }
            for (var j = 0; j < count; j++) list.Add(start + j, total == 0 ? weights[j] : weights[j] / total);
            list.Close();
        }
    }

    private static void Area(in Key key, TapList list)
    {
        for (long o = 0; o < key.Out; o++)
        {
            int start = (int)(o * key.In / key.Out), end = (int)(((o + 1) * key.In + key.Out - 1) / key.Out);
            for (var i = start; i < end; i++) list.Add(i, 1f / (end - start));
            list.Close();
        }
    }

    private static float Centre(float step, int o) => MathF.FusedMultiplyAdd(step, o + 0.5f, -0.5f);

    private static float Near(float x, float a) => ((a + 2) * x - (a + 3)) * x * x + 1;

    private static float Far(float x, float a) => ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;

    private readonly record struct Key(ResizeMode Mode, int In, int Out, double? Scale, bool Align, bool Antialias, bool Sizes);

    private sealed class TapList(int inSize)
    {
        private readonly List<int> _first = [0];
        private readonly List<int> _index = [];
        private readonly List<float> _weight = [];

        public void Add(int index, float weight)
        {
            _index.Add(index);
            _weight.Add(weight);
        }

        public void Close() => _first.Add(_index.Count);

        public AxisTaps ToTaps() => new(inSize, _first.ToArray(), _index.ToArray(), _weight.ToArray());
    }
}
