using Cresset.Plots;
using Cresset.Rl.Deep;

namespace Cresset.Recipes;

/// <summary>The picture of how an agent's returns grew.</summary>
internal static class LearningCurve
{
    public static byte[] Draw(AgentLoop loop, string title)
    {
        var chart = new Chart(
            new ChartOptions
            {
                Title = title,
                XLabel = "environment steps",
                YLabel = "return",
                Width = 900,
                Height = 450,
                Legend = LegendPlace.LowerRight
            });
        Line(chart, "while learning, mean of 100 episodes", loop.MeanReturns, new LineOptions());
        Line(chart, "greedy evaluation", loop.Evaluations, new LineOptions { Markers = true });
        if (double.IsFinite(loop.SolvedAt)) chart.HorizontalLine(loop.SolvedAt, "solved");
        return chart.ToPng();
    }

    private static void Line(Chart chart, string name, IReadOnlyList<CurvePoint> points, LineOptions options)
    {
        if (points.Count > 0)
            chart.Line<double, double>(name, points.Select(p => (double)p.Step).ToArray(), points.Select(p => p.Value).ToArray(), options);
    }
}
