using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>Taps along the last two axes in tensor operations: any type, device and layout, with gradients of any order.</summary>
internal static class TapSums
{
    /// <summary>Applies the map to [N, C, H, W]: the axis first that makes fewer numbers.</summary>
    public static Tensor Of(Tensor x, PixelTaps down, PixelTaps across)
        => (long)down.OutSize * across.InSize <= (long)down.InSize * across.OutSize ? Along(Along(x, 2, down), 3, across)
            : Along(Along(x, 3, across), 2, down);

    private static Tensor Along(Tensor x, int axis, PixelTaps taps)
    {
        if (taps.IsIdentity) return x;
        long[] shape = [1, 1, 1, 1];
        shape[axis] = taps.OutSize;
        Tensor? sum = null;
        for (var k = 0; k < taps.Most; k++)
        {
            var (index, weight) = (new long[taps.OutSize], new double[taps.OutSize]);
            for (var o = 0; o < taps.OutSize; o++)
            {
                var j = taps.First[o] + k;
                // Results with fewer taps look at their last pixel again, with weight 0.
                var there = j < taps.First[o + 1];
                (index[o], weight[o]) = (taps.Index[there ? j : taps.First[o + 1] - 1], there ? taps.Weight[j] : 0);
            }
            var term = x.index_select(axis, tensor(index, device: x.device))
                * tensor(weight, dtype: x.dtype, device: x.device).reshape(shape);
            sum = sum is null ? term : sum + term;
        }
        return sum!;
    }
}
