using System.Globalization;
using Cresset.Tensors;
using static TorchSharp.torch;

namespace Cresset.Onnx;

/// <summary>Results of a file against the module's.</summary>
internal static class Comparison
{
    public static OnnxCheck Of(string sizes, IReadOnlyList<string> names, IReadOnlyList<Tensor> expected, IReadOnlyList<Tensor> actual,
        double? tolerance, string runner)
    {
        var (largest, allowed) = (0.0, 0.0);
        for (var i = 0; i < names.Count; i++)
        {
            if (!expected[i].shape.SequenceEqual(actual[i].shape))
                throw new InvalidDataException(
                    $"{runner} gives {names[i]} the shape {Shape.Text(actual[i])}, the module {Shape.Text(expected[i])} (inputs {sizes}). "
                        + $"Nothing was written; please report it.");
            if (expected[i].numel() == 0) continue;
            var (e, a) = (expected[i].to(ScalarType.Float64), actual[i].to(ScalarType.Float64));
            // Equal values (infinities and not-a-number among them) differ by nothing.
            var same = e.eq(a).logical_or(e.isnan().logical_and(a.isnan()));
            var difference = where(same, 0.0, (e - a).abs())
                .nan_to_num(double.PositiveInfinity, double.PositiveInfinity, double.PositiveInfinity).max().item<double>();
            var finite = where(e.isfinite(), e.abs(), 0.0).max().item<double>();
            var share = tolerance ?? Default(expected[i].dtype);
            var limit = share * Math.Max(1, finite);
            if (difference > limit)
            {
                throw new InvalidDataException(
                    string.Create(CultureInfo.InvariantCulture,
                        $"{runner} gives {names[i]} other numbers than the module: the largest difference is {difference:0.###e+0}, "
                            + $"allowed is {limit:0.###e+0} (inputs {sizes}). Nothing was written; set Tolerance if that is good enough."));
            }
            (largest, allowed) = (Math.Max(largest, difference), Math.Max(allowed, limit));
        }
        return new OnnxCheck(sizes, largest, allowed);
    }

    private static double Default(ScalarType type) => type switch
    {
        ScalarType.Float64 => 1e-8,
        ScalarType.Float16 or ScalarType.BFloat16 => 2e-2,
        ScalarType.Float32 => 1e-4,
        _ => 0,
    };
}
