using Cresset.Data;
using Cresset.Flows;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>
/// Answers an observation with mean, deviation and the central 90 % of each parameter's posterior, from 2,000 draws that are the same for
/// every question.
/// </summary>
internal sealed class PosteriorPredictor(DensityModel flow, PosteriorColumns columns, DataFacts facts)
    : ModulePredictor(flow, ObservationOf(columns, facts))
{
    private const int Draws = 2000;

    protected override IReadOnlyList<Prediction> Compute(Tensor inputs, IReadOnlyList<string> names)
    {
        var answers = new List<Prediction>();
        for (var row = 0; row < names.Count; row++)
        {
            using var scope = NewDisposeScope();
            using var generator = new Generator(0);
            var draws = flow.Sample(Draws, inputs[row], generator: generator).cpu().to(ScalarType.Float64).t().contiguous();
            var values = new Dictionary<string, double>();
            for (var p = 0; p < columns.Parameters.Length; p++)
            {
                var column = columns.All[(int)columns.Parameters[p]];
                double[] sorted = [.. draws[p].data<double>().Order().Select(v => (v * column.Deviation) + column.Mean)];
                var mean = sorted.Average();
                values[$"{column.Name}_mean"] = mean;
                values[$"{column.Name}_deviation"] = Math.Sqrt(sorted.Average(v => (v - mean) * (v - mean)));
                values[$"{column.Name}_5_percent"] = sorted[Draws / 20];
                values[$"{column.Name}_95_percent"] = sorted[Draws - 1 - (Draws / 20)];
            }
            answers.Add(new Prediction(names[row]) { Values = values });
        }
        return answers;
    }

    // Of a table of pairs the columns of observations; the parameters are what is asked for.
    private static DataFacts ObservationOf(PosteriorColumns columns, DataFacts facts) => facts with
    {
        Shape = [columns.Observed.Length],
        Table = facts.Table! with { Columns = [.. columns.Observed.Select(i => columns.All[(int)i])] },
    };
}
