using Cresset.Nn;
using Cresset.Plots;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>Pictures of activation functions.</summary>
public static class ActivationPlot
{
    private const int Points = 801;

    /// <summary>One picture of three charts: f, f' and f'' of each named activation, in float64.</summary>
    /// <param name="names">Catalog names; numbers in parentheses are allowed.</param>
    /// <param name="from">Left end.</param>
    /// <param name="to">Right end.</param>
    /// <exception cref="ArgumentException">Unknown name, or an activation that does not work on each value by itself.</exception>
    public static Picture Create(IReadOnlyList<string> names, double from = -5, double to = 5)
    {
        ArgumentNullException.ThrowIfNull(names);
        if (names.Count == 0) throw new ArgumentException("No activation is named.", nameof(names));
        using var scope = NewDisposeScope();
        var xs = Enumerable.Range(0, Points).Select(i => from + ((to - from) * i / (Points - 1))).ToArray();
        Chart[] charts = [Empty("f(x)"), Empty("f'(x)"), Empty("f''(x)")];
        foreach (var name in names)
        {
            var curves = Curves(name, xs);
            for (var i = 0; i < charts.Length; i++)
            {
                if (curves[i] is { } ys) charts[i].Line<double, double>(name, xs, ys);
            }
        }
        return ImageGrid.Render(charts.Select(c => c.ToPicture()).ToArray(), new ImageGridOptions { Columns = 3, Scale = 1 });
    }

    private static Chart Empty(string title) =>
        new(new ChartOptions { Title = title, Width = 520, Height = 400, Legend = LegendPlace.UpperLeft });

    // f, f', f''; null where autograd has no such derivative.
    internal static double[]?[] Curves(string name, double[] points)
    {
        var info = ActivationCatalog.Get(name);
        if (info.Kind is ActivationKind.Gated or ActivationKind.Normalizing or ActivationKind.Regrouping)
            throw new ArgumentException($"'{info.Name}' does not work on each value by itself, so it has no curve to draw.", nameof(name));
        using var scope = NewDisposeScope();
        using var module = ActivationCatalog.Create(name);
        module.to(ScalarType.Float64);
        module.eval();
        var x = tensor(points).requires_grad_();
        var y = module.call(x);
        var curves = new double[]?[3];
        curves[0] = y.detach().data<double>().ToArray();
        if (!y.requires_grad) return curves;
        // hardsigmoid is the one function whose first derivative libtorch cannot differentiate again.
        var again = info.Name != "hardsigmoid";
        var first = Derivatives.Of([y.sum()], [x], retainGraph: true, createGraph: again)[0]!;
        curves[1] = first.detach().data<double>().ToArray();
        curves[2] = again && first.requires_grad ? Derivatives.Of([first.sum()], [x])[0] is { } second ? second.data<double>().ToArray()
            : new double[points.Length] : new double[points.Length];
        return curves;
    }
}
