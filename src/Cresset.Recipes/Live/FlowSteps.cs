using Cresset.Flows;
using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>
/// The way of points of the plane through a trained flow, from noise to data: transform by transform, or along the field of a continuous
/// one.
/// </summary>
[Part("flow-steps")]
internal sealed record FlowSteps : LiveComputation
{
    private const double Reach = 4.5;

    /// <summary>A run of a flow in the plane.</summary>
    public string Run { get; init; } = "";

    /// <summary>Points drawn from the noise.</summary>
    public int Count { get; init; } = 400;

    /// <summary>Seed of the draw.</summary>
    public int Seed { get; init; }

    /// <summary>Points of one's own in the space of the noise, x and y in turn; they come after the drawn ones.</summary>
    public IReadOnlyList<double> Own { get; init; } = [];

    /// <summary>Side of the grid on which the density is told; 0 leaves it out.</summary>
    public int Side { get; init; } = 64;

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Within(Count, 0, 5000)
        .AtLeast(Seed, 0)
        .Must(Own is not null && Own.Count % 2 == 0 && Own.Count <= 2000 && Own.All(v => double.IsFinite(v) && Math.Abs(v) < 100),
            Own?.Count, "finite x and y in turn, at most 1,000 points", field: nameof(Own))
        .Within(Side, 0, 200);

    /// <inheritdoc/>
    public override object Compute(LiveContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        return context.Look<PlaneFlowTask, object>(Run, (task, _) =>
        {
            var flow = (DensityModel)task.Module;
            using var generator = Seeding.Generator((ulong)Seed, "live");
            var own = tensor(Own.Select(v => (float)v).ToArray()).reshape(-1, 2);
            var start = cat([randn(Count, 2, generator: generator), own]);
            if (start.size(0) == 0) throw new ArgumentException("There is no point to follow: count is 0 and own is empty.");
            List<(string Name, Tensor State)> steps = [.. flow switch
            {
                ContinuousFlow continuous => Field(continuous, start),
                Flow discrete => Transforms(discrete, start),
                _ => [("noise", start), ("data", flow.Decode(start))],
            }];
            return new
            {
                Reach,
                Steps = steps.Select(s => s.Name).ToList(),
                // One list a step: x and y in turn, in hundredths of what a screen can show.
                States = steps.Select(
                    s => s.State.to(ScalarType.Float32).contiguous().data<float>().ToArray().Select(v => Math.Round(v, 3)).ToArray())
                    .ToList(),
                Own = Own.Count / 2,
                Side,
                Density = Side == 0 ? [] : Density(flow),
            };
        });
    }

    private static IEnumerable<(string, Tensor)> Transforms(Flow flow, Tensor start)
    {
        yield return ("noise", start);
        var state = start;
        IReadOnlyList<FlowTransform> parts = flow.Transform is CompositeTransform composite ? composite.Parts : [flow.Transform];
        for (var i = parts.Count - 1; i >= 0; i--)
        {
            state = parts[i].Inverse(state).Output;
            yield return ($"after {parts[i].GetType().Name.Replace("Transform", "", StringComparison.Ordinal)} ({parts.Count - i} of "
                + $"{parts.Count})", state);
        }
    }

    private static IEnumerable<(string, Tensor)> Field(ContinuousFlow flow, Tensor start)
    {
        double[] times = [.. Enumerable.Range(0, 31).Select(i => i / 30.0)];
        var states = FlowSampler.Trajectory(flow.Field.Field(), start, times, OdeOptions.Dopri5(1e-4)).States;
        return times.Select(
            (t, i) => (string.Create(System.Globalization.CultureInfo.InvariantCulture, $"t = {t:0.00}"), states.select(0, i)));
    }

    private double[] Density(DensityModel flow)
    {
        var axis = linspace(-Reach, Reach, Side);
        var grid = stack([axis.repeat(Side), axis.repeat_interleave(Side)], 1);
        return [.. flow.LogProb(grid).exp().to(ScalarType.Float32).data<float>().ToArray().Select(v => Math.Round((double)v, 5))];
    }
}
