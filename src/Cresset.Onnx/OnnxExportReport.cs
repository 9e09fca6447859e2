using System.Globalization;

namespace Cresset.Onnx;

/// <summary>What was written, and how far it was checked.</summary>
/// <param name="Path">The file.</param>
/// <param name="Inputs">Names and sizes of the inputs.</param>
/// <param name="Outputs">Names and sizes of the results.</param>
/// <param name="Operations">Operations in the file.</param>
/// <param name="Checks">Runs that were compared; none without a verifier.</param>
/// <param name="Warnings">What was changed or left unchecked.</param>
public sealed record OnnxExportReport(string Path, IReadOnlyList<string> Inputs, IReadOnlyList<string> Outputs, int Operations,
    IReadOnlyList<OnnxCheck> Checks, IReadOnlyList<string> Warnings)
{
    /// <summary>The largest difference of all runs; NaN where nothing was run.</summary>
    public double LargestDifference => Checks.Count == 0 ? double.NaN : Checks.Max(c => c.LargestDifference);

    /// <summary>The report in lines.</summary>
    public override string ToString()
        => string.Join(
            Environment.NewLine,
            [
                $"{Path}: {string.Join(", ", Inputs)} -> {string.Join(", ", Outputs)}, {Operations} operations",
                .. Checks.Select(
                    c => string.Create(CultureInfo.InvariantCulture,
                        $"verified: {c.Sizes}, largest difference {c.LargestDifference:0.##e+0}, allowed {c.Allowed:0.##e+0}")),
                .. Warnings.Select(w => $"warning: {w}"),
            ]);
}

/// <summary>One run of the file that was compared with the module.</summary>
/// <param name="Sizes">Sizes of its inputs.</param>
/// <param name="LargestDifference">The largest difference between two numbers of the results.</param>
/// <param name="Allowed">What was allowed.</param>
public sealed record OnnxCheck(string Sizes, double LargestDifference, double Allowed);
