using Cresset.Nn;
using Cresset.Numerics;

namespace Cresset.Recipes;

/// <summary>Values of activations and of their first two derivatives, and the whole catalog to choose from.</summary>
[Part("activation-curves")]
internal sealed record ActivationCurves : LiveComputation
{
    /// <summary>Names with numbers in parentheses, such as <c>elu(alpha=0.5)</c>.</summary>
    public IReadOnlyList<string> Names { get; init; } = ["gelu"];

    /// <summary>Left end.</summary>
    public double From { get; init; } = -5;

    /// <summary>Right end.</summary>
    public double To { get; init; } = 5;

    /// <summary>Points of each curve.</summary>
    public int Points { get; init; } = 401;

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Must(Names is { Count: > 0 and <= 12 }, Names?.Count, "1 to 12 activations", field: nameof(Names))
        .Must(double.IsFinite(From) && From < To, From, "a number below the right end", field: nameof(From))
        .Must(double.IsFinite(To), To, "a finite number", field: nameof(To))
        .Within(Points, 2, 5000);

    /// <inheritdoc/>
    public override object Compute(LiveContext context)
    {
        double[] xs = [.. Enumerable.Range(0, Points).Select(i => From + ((To - From) * i / (Points - 1)))];
        return new
        {
            X = xs,
            Curves = Names.Select(name =>
            {
                var info = ActivationCatalog.Get(name);
                var curves = ActivationPlot.Curves(name, xs);
                return new
                {
                    Name = name,
                    info.Formula,
                    info.Derivative,
                    info.Range,
                    Smoothness = info.Smoothness.ToString(),
                    info.Paper,
                    info.UsedBy,
                    F = curves[0],
                    First = curves[1],
                    Second = curves[2]
                };
            }).ToList(),
            Known = ActivationCatalog.All.Where(
                a => a.Kind is not (ActivationKind.Gated or ActivationKind.Normalizing or ActivationKind.Regrouping))
                .Select(a => new { a.Name, a.Formula, a.Parameters }).ToList(),
        };
    }
}
