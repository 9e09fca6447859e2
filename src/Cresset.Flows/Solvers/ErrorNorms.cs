using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>From a scaled error to one number.</summary>
internal static class ErrorNorms
{
    public static Func<Tensor, double> Of(ErrorNorm norm) => norm switch
    {
        ErrorNorm.RootMeanSquare => RootMeanSquare,
        ErrorNorm.PerSample => PerSample,
        _ => throw new ArgumentOutOfRangeException(nameof(norm), norm, "Unknown norm."),
    };

    public static double RootMeanSquare(Tensor error)
    {
        if (error.numel() == 0) return 0;
        using var scope = NewDisposeScope();
        return error.square().mean().to(ScalarType.Float64).sqrt().ToDouble();
    }

    /// <summary>The largest root mean square of the parts of a flat state; parts are given by their lengths.</summary>
    public static Func<Tensor, double> Mixed(params IReadOnlyList<long> lengths) => error =>
    {
        using var scope = NewDisposeScope();
        var largest = 0.0;
        foreach (var part in error.flatten().split([.. lengths], 0))
        {
            var norm = RootMeanSquare(part);
            // NaN must win, or a broken part would go unseen.
            if (!(norm <= largest)) largest = norm;
        }
        return largest;
    };

    private static double PerSample(Tensor error)
    {
        using var scope = NewDisposeScope();
        return error.dim() < 2
            ? RootMeanSquare(error)
            : error.flatten(1).square().mean([1]).amax(0).to(ScalarType.Float64).sqrt().ToDouble();
    }
}
