using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Cresset.Kernels;

/// <summary>
/// A linear map along one axis: result o is the sum of Weight[j] x[Index[j]] for j from First[o] to First[o + 1]. Weights of 0 stay in, so
/// that an infinity there gives NaN as in PyTorch.
/// </summary>
internal sealed unsafe class AxisTaps
{
    private readonly int[] _first;
    private readonly int[] _index;
    private readonly float[] _weight;
    private AxisTaps? _transposed;
    private LaneTaps? _lanes;

    /// <summary>Copies the lists into pinned memory.</summary>
    public AxisTaps(int inSize, ReadOnlySpan<int> first, ReadOnlySpan<int> index, ReadOnlySpan<float> weight)
    {
        (InSize, OutSize) = (inSize, first.Length - 1);
        (_first, _index, _weight) = (Pinned(first), Pinned(index), Pinned(weight));
        for (var o = 0; o < OutSize; o++)
        {
            int low = int.MaxValue, high = int.MinValue;
            for (var j = First[o]; j < First[o + 1]; j++) (low, high) = (Math.Min(low, Index[j]), Math.Max(high, Index[j]));
            if (high >= low) Span = Math.Max(Span, high - low + 1);
            Most = Math.Max(Most, First[o + 1] - First[o]);
        }
    }

    public int InSize { get; }

    public int OutSize { get; }

    /// <summary>The widest stretch of inputs that one result looks at.</summary>
    public int Span { get; } = 1;

    /// <summary>The most inputs that one result adds up.</summary>
    public int Most { get; }

    public int* First => (int*)Address(_first);

    public int* Index => (int*)Address(_index);

    public float* Weight => (float*)Address(_weight);

    /// <summary>The same taps in blocks of 16 results.</summary>
    public LaneTaps Lanes => _lanes ??= new LaneTaps(this);

    /// <summary>The adjoint map: each input becomes a result that collects from wherever it was used, in order.</summary>
    public AxisTaps Transposed
    {
        get
        {
            if (_transposed is { } known) return known;
            var first = new int[InSize + 1];
            var count = First[OutSize];
            for (var j = 0; j < count; j++) first[Index[j] + 1]++;
            for (var i = 0; i < InSize; i++) first[i + 1] += first[i];
            int[] next = [.. first], index = new int[count];
            var weight = new float[count];
            for (var o = 0; o < OutSize; o++)
            {
                for (var j = First[o]; j < First[o + 1]; j++)
                {
                    var place = next[Index[j]]++;
                    (index[place], weight[place]) = (o, Weight[j]);
                }
            }
            return _transposed = new AxisTaps(OutSize, first, index, weight) { _transposed = this };
        }
    }

    internal static T[] Pinned<T>(ReadOnlySpan<T> values)
        where T : unmanaged
    {
        // One element at least: an empty array has no address.
        var pinned = GC.AllocateArray<T>(Math.Max(1, values.Length), pinned: true);
        values.CopyTo(pinned);
        return pinned;
    }

    internal static void* Address<T>(T[] pinned)
        where T : unmanaged => Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(pinned));
}
