using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Cresset.Kernels;

/// <summary>The norm by the root of the mean square, row by row, and its gradients. Any width; rows are dense.</summary>
internal static unsafe class RootMeanSquare
{
    /// <summary>y = x / sqrt(mean of squares + eps) * weight; x and y may be the same.</summary>
    public static void Norm(float* x, float* weight, float* y, long rows, long width, float eps)
    {
        for (long row = 0; row < rows; row++, x += width, y += width)
        {
            var squares = Vector512<float>.Zero;
            long i = 0;
            for (; i <= width - 16; i += 16)
            {
                var v = Vector512.Load(x + i);
                squares = Vector512.FusedMultiplyAdd(v, v, squares);
            }
            var sum = Vector512.Sum(squares);
            for (; i < width; i++) sum = MathF.FusedMultiplyAdd(x[i], x[i], sum);
            var factor = Factor(sum, width, eps);
            var f = Vector512.Create(factor);
            for (i = 0; i <= width - 16; i += 16) (Vector512.Load(x + i) * f * Vector512.Load(weight + i)).Store(y + i);
            for (; i < width; i++) y[i] = x[i] * factor * weight[i];
        }
    }

    /// <summary>The gradients of x, overwritten, and of the weight, added to.</summary>
    public static void Gradient(float* x, float* weight, float* g, float* gx, float* gWeight, long rows, long width, float eps)
    {
        for (long row = 0; row < rows; row++, x += width, g += width, gx += width)
        {
            Vector512<float> squares = default, products = default;
            long i = 0;
            for (; i <= width - 16; i += 16)
            {
                var v = Vector512.Load(x + i);
                squares = Vector512.FusedMultiplyAdd(v, v, squares);
                products = Vector512.FusedMultiplyAdd(v, Vector512.Load(g + i) * Vector512.Load(weight + i), products);
            }
            float sum = Vector512.Sum(squares), dot = Vector512.Sum(products);
            for (; i < width; i++)
            {
                sum = MathF.FusedMultiplyAdd(x[i], x[i], sum);
                dot = MathF.FusedMultiplyAdd(x[i], g[i] * weight[i], dot);
            }
            var factor = Factor(sum, width, eps);
            // The root changes with every x: f^3 x (x . g w) / width of it comes back.
            var back = factor * factor * dot / width * factor;
            Vector512<float> f = Vector512.Create(factor), b = Vector512.Create(back);
            for (i = 0; i <= width - 16; i += 16)
            {
                Vector512<float> v = Vector512.Load(x + i), up = Vector512.Load(g + i);
                ((up * Vector512.Load(weight + i) * f) - (v * b)).Store(gx + i);
                Vector512.FusedMultiplyAdd(up, v * f, Vector512.Load(gWeight + i)).Store(gWeight + i);
            }
            for (; i < width; i++)
            {
                var (v, up) = (x[i], g[i]);
                gx[i] = (up * weight[i] * factor) - (v * back);
                gWeight[i] = MathF.FusedMultiplyAdd(up, v * factor, gWeight[i]);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Factor(float sum, long width, float eps) => 1 / MathF.Sqrt((sum / width) + eps);
}
