using System.Text.Json;
using Cresset.Numerics;
using Cresset.Rl;
using Xunit;
using static Cresset.Tests.Managed.Rl.FigureStatistics;

namespace Cresset.Tests.Managed.Rl;

/// <summary>Figures of Zhao's book that are learned from samples.</summary>
public sealed class ZhaoFigureTests
{
    [Fact]
    public void ZhaoFigure74QLearningFromAUniformBehaviour()
    {
        var model = new ZhaoGridWorld().Model;
        var truth = ValueIteration.Solve(model).Values;
        var uniform = TabularPolicy.Uniform(model);
        foreach (var method in Golden.GetProperty("zhao_q_learning_off_policy").GetProperty("table").EnumerateObject())
        {
            var initial = double.Parse(method.Name[3..], System.Globalization.CultureInfo.InvariantCulture);
            var checkpoints = method.Value.EnumerateObject().Select(x => long.Parse(x.Name)).Where(x => x <= 20_000).ToArray();
            var errors = checkpoints.ToDictionary(c => c, _ => new List<double>());
            for (var run = 0; run < 15; run++)
            {
                var learner = new QLearning(25, 5, new() { Gamma = 0.9, StepSize = StepSizeRule.Constant(0.1), InitialValue = initial });
                var world = new ZhaoGridWorld(new() { Start = (0, 0) });
                TabularControl.RunOffPolicy(world, learner, uniform, 20_000, new RandomStream((ulong)run + 1), step =>
                {
                    if (errors.TryGetValue(step, out var list)) list.Add(LinearValueTests.Rmse(truth, learner.StateValues()));
                });
            }
            foreach (var c in checkpoints) Agrees($"{method.Name} after {c}", [.. errors[c]], method.Value.GetProperty($"{c}"));
        }
    }

    [Fact]
    public void ZhaoFigures72And73FromStartToTarget()
    {
        foreach (var method in Golden.GetProperty("zhao_start_to_target").GetProperty("table").EnumerateObject())
        {
            ControlOptions options = new()
            {
                Gamma = double.Parse(method.Name.Split('=')[1], System.Globalization.CultureInfo.InvariantCulture),
                StepSize = StepSizeRule.Constant(0.1),
                Exploration = new() { Epsilon = 0.1, Ties = TieBreaking.LowestIndex },
            };
            var runs = new List<List<EpisodeRecord>>();
            for (var run = 0; run < 30; run++)
            {
                ActionValueLearner learner = method.Name[0] == 's' ? new Sarsa(25, 5, options) : new QLearning(25, 5, options);
                runs.Add(
                    TabularControl.Run(new ZhaoGridWorld(ZhaoGridWorldOptions.StartToTarget), learner, 500,
                        new RandomStream((ulong)run + 21), seed: 1));
            }
            foreach (var row in method.Value.EnumerateObject())
            {
                var parts = row.Name.Split('_');
                var (from, to) = (int.Parse(parts[1]), int.Parse(parts[2]));
                Agrees($"{method.Name} {row.Name}",
                    [.. runs.Select(r => r.Skip(from - 1).Take(to - from + 1).Average(e => parts[0] == "return" ? e.Return : e.Length))],
                    row.Value);
            }
        }
    }

    [Theory]
    [InlineData("poly3")]
    [InlineData("poly10")]
    [InlineData("fourier_q1")]
    [InlineData("fourier_q3")]
    public void ZhaoFigures87And88TdLinear(string name)
    {
        var golden = Golden.GetProperty("zhao_td_linear").GetProperty("table").GetProperty(name);
        var world = new ZhaoGridWorld();
        var truth = PolicyEvaluation.Exact(world.Model, TabularPolicy.Uniform(world.Model), 0.9);
        var features = ZhaoFeatures.Of(name);
        var errors = golden.EnumerateObject().ToDictionary(r => int.Parse(r.Name), _ => new List<double>());
        for (var run = 0; run < 24; run++)
        {
            var random = new RandomStream((ulong)run + 41);
            var learner = new LinearTd(features[0].Length, 0.9, StepSizeRule.Constant(0.0005));
            random.FillNormal(learner.Weights);
            world.ResetState((ulong)run);
            for (var episode = 1; episode <= 500; episode++)
            {
                var state = world.ResetState();
                for (var step = 0; step < 500; step++)
                {
                    var outcome = world.StepState(random.NextInt32(5), out var next);
                    learner.Observe(features[state], outcome.Reward, features[next]);
                    state = next;
                }
                if (errors.TryGetValue(episode, out var list))
                    list.Add(LinearValueTests.Rmse(truth, LinearFixedPoint.Values(features, learner.Weights)));
            }
        }
        foreach (var (episode, list) in errors) Agrees($"{name} after {episode}", [.. list], golden.GetProperty($"{episode}"));
    }

    [Fact]
    public void ZhaoFigure54McBasicByEpisodeLength()
    {
        var world = new ZhaoGridWorld(ZhaoGridWorldOptions.HarshForbidden);
        world.ResetState(1);
        foreach (var row in RlReference.Load("zhao_gridworld.json")
            .GetProperty("mc_basic_by_episode_length_b-1_f-10_g0.9 (book figure 5.4)").EnumerateObject())
        {
            var result = MonteCarloPlanning.Basic(world, int.Parse(row.Name), 0.9, start: Enumerable.Repeat(4, 25).ToArray());
            ZhaoGridWorldTests.AssertClose(row.Value.GetProperty("v").Doubles(), result.Values, 1e-9);
        }
    }
}
