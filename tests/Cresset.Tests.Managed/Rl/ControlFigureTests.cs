using System.Text.Json;
using Cresset.Numerics;
using Cresset.Rl;
using Xunit;
using static Cresset.Tests.Managed.Rl.FigureStatistics;

namespace Cresset.Tests.Managed.Rl;

/// <summary>Figures of Sutton and Barto on control: cliff, mazes, wind, mountain car, average reward.</summary>
public sealed class ControlFigureTests
{
    [Theory]
    [InlineData("sarsa alpha=0.5")]
    [InlineData("q_learning alpha=0.5")]
    [InlineData("expected_sarsa alpha=0.9")]
    [InlineData("double_q_learning alpha=0.5")]
    [InlineData("sarsa alpha=0.1")]
    public void Example66CliffWalking(string method)
    {
        var golden = Golden.GetProperty("cliff_walking").GetProperty("table").GetProperty(method);
        ControlOptions options =
            new()
            {
                StepSize = StepSizeRule.Constant(double.Parse(method.Split('=')[1], System.Globalization.CultureInfo.InvariantCulture)),
                Exploration = new() { Epsilon = 0.1 }
            };
        var returns = new List<double[]>();
        for (var run = 0; run < 25; run++)
        {
            var random = new RandomStream((ulong)run + 77);
            ActionValueLearner learner = method[0] switch
            {
                's' => new Sarsa(48, 4, options),
                'q' => new QLearning(48, 4, options),
                'e' => new ExpectedSarsa(48, 4, options),
                _ => new DoubleQLearning(48, 4, random, options),
            };
            returns.Add([.. TabularControl.Run(new CliffWalking(), learner, 500, random, seed: (ulong)run).Select(r => r.Return)]);
        }
        foreach (var row in golden.EnumerateObject())
        {
            var window = row.Name.Split('_');
            var (from, to) = (int.Parse(window[1]), int.Parse(window[2]));
            Agrees($"{method} {row.Name}", [.. returns.Select(r => r[(from - 1)..to].Average())], row.Value);
        }
    }

    [Fact]
    public void Figure82DynaMaze()
    {
        foreach (var method in Golden.GetProperty("dyna_maze").GetProperty("steps_per_episode").EnumerateObject())
        {
            var planning = int.Parse(method.Name[2..]);
            ControlOptions options = new() { Gamma = 0.95, StepSize = StepSizeRule.Constant(0.1), Exploration = new() { Epsilon = 0.1 } };
            var lengths = new List<double[]>();
            for (var run = 0; run < 30; run++)
            {
                var random = new RandomStream((ulong)run + 5);
                var learner = new DynaQ(54, 4, planning, random, options: options);
                lengths.Add([.. TabularControl.Run(Maze.Dyna(), learner, 50, random, seed: (ulong)run).Select(r => (double)r.Length)]);
            }
            foreach (var row in method.Value.EnumerateObject())
                Agrees($"{method.Name} episode {row.Name}", [.. lengths.Select(l => l[int.Parse(row.Name) - 1])], row.Value);
        }
    }

    [Theory]
    [InlineData("sarsa alpha=0.5/8")]
    [InlineData("sarsa_n8 alpha=0.3/8")]
    [InlineData("sarsa_n4 alpha=0.4/8")]
    [InlineData("sarsa_lambda_replacing(0.9) alpha=0.5/8")]
    [InlineData("true_online_sarsa_lambda(0.9) alpha=0.5/8")]
    public void Figure102MountainCarWithTiles(string method)
    {
        var golden = Golden.GetProperty("mountain_car_tiles").GetProperty("table").GetProperty(method);
        var alpha = double.Parse(method.Split('=')[1].Split('/')[0], System.Globalization.CultureInfo.InvariantCulture) / 8;
        var options = new SparseControlOptions
        {
            StepSize = StepSizeRule.Constant(alpha),
            Steps = method.Contains("_n", StringComparison.Ordinal) ? method[method.IndexOf("_n", StringComparison.Ordinal) + 2] - '0' : 1,
            Lambda = method.Contains("lambda", StringComparison.Ordinal) ? 0.9 : 0,
            Trace = method[0] == 't' ? TraceKind.TrueOnline : TraceKind.Replacing,
        };
        var lengths = new List<double[]>();
        for (var run = 0; run < 6; run++)
        {
            var learner = SparseControl.MountainCar(options);
            var (car, random) = (new SuttonMountainCar(), new RandomStream((ulong)run + 131));
            lengths.Add(
                [.. Enumerable.Range(0, 200)
                    .Select(e => (double)learner.RunEpisode(car, random, seed: e == 0 ? (ulong)run : null).Length)]);
        }
        foreach (var row in golden.EnumerateObject())
        {
            var parts = row.Name.Split('_').Where(p => int.TryParse(p, out _)).Select(int.Parse).ToArray();
            if (parts.Length == 0 || parts[^1] > 200) continue;
            var first = row.Name.Contains("first", StringComparison.Ordinal);
            Agrees($"{method} {row.Name}",
                [.. lengths.Select(
                    l => first ? l[..parts[0]].Average() : parts.Length == 1 ? l[parts[0] - 1] : l[(parts[0] - 1)..parts[1]].Average())],
                    row.Value);
        }
    }

    [Fact]
    public void Example65WindyGrid()
    {
        var golden = Golden.GetProperty("windy_gridworld");
        var (counts, lengths) = (new List<double>(), new List<double>());
        for (var run = 0; run < 40; run++)
        {
            var learner = new Sarsa(70, 4, new() { StepSize = StepSizeRule.Constant(0.5), Exploration = new() { Epsilon = 0.1 } });
            var (world, random) = (Maze.Windy(), new RandomStream((ulong)run + 3));
            var records = TabularControl.Run(world, learner, 170, random, seed: (ulong)run);
            var steps = 0L;
            counts.Add(0);
            foreach (var record in records)
            {
                steps += record.Length;
                if (steps <= 8000) counts[^1]++;
            }
            // The 8000 steps may hold more than 170 episodes.
            if (steps <= 8000)
            {
                foreach (var record in TabularControl.Run(world, learner, 200, random, 8000))
                    counts[^1] += record.Return == -record.Length ? 1 : 0;
            }
            lengths.Add(records.Skip(120).Average(r => r.Length));
        }
        Agrees("length", [.. lengths], golden.GetProperty("mean_length_episodes_121_170"));
        Agrees("episodes", [.. counts], golden.GetProperty("episodes_completed_by_8000_steps"), slack: 1);
    }

    [Fact]
    public void Figure84DynaQPlusFindsTheNewWay()
    {
        double Total(double bonus)
        {
            var sum = 0.0;
            for (var run = 0; run < 10; run++)
            {
                var random = new RandomStream((ulong)run + 61);
                var learner = new DynaQ(54, 4, 10, random, bonus,
                    new() { Gamma = 0.95, StepSize = StepSizeRule.Constant(1), Exploration = new() { Epsilon = 0.1 } });
                sum += TabularControl.Run(ChangingWorld.BlockingMaze(), learner, int.MaxValue, random, 3000, (ulong)run).Sum(r => r.Return);
            }
            return sum / 10;
        }
        Assert.True(Total(1e-4) > Total(0), $"Dyna-Q+ {Total(1e-4)}, Dyna-Q {Total(0)}");
    }

    [Fact]
    public void PrioritizedSweepingNeedsFewerUpdatesThanDyna()
    {
        ControlOptions options = new() { Gamma = 0.95, StepSize = StepSizeRule.Constant(0.5), Exploration = new() { Epsilon = 0.1 } };
        var (random, other) = (new RandomStream(3), new RandomStream(3));
        var sweeping = new PrioritizedSweeping(54, 4, 5, 1e-4, options);
        var dyna = new DynaQ(54, 4, 5, other, options: options);
        var a = TabularControl.Run(Maze.Dyna(), sweeping, 30, random, seed: 1).Skip(1).Sum(r => r.Length);
        var b = TabularControl.Run(Maze.Dyna(), dyna, 30, other, seed: 1).Skip(1).Sum(r => r.Length);
        Assert.True(a < b, $"prioritized {a} steps, Dyna {b}");
        Assert.Equal(14,
            -TabularControl.Evaluate(
                new TimeLimit<int, int>(new Maze(["       #G", "  #    # ", "S #    # ", "  #      ", "     #   ", "         "], -1, -1),
                    200), sweeping.GreedyActions(), 1, 1));
    }

    [Fact]
    public void DifferentialSarsaNearsTheBestAverageReward()
    {
        var learner = new DifferentialSarsa(44, 2, 0.01,
            new() { StepSize = StepSizeRule.Constant(0.01), Exploration = new() { Epsilon = 0.1 } });
        TabularControl.Run(new AccessControl(), learner, 1, new RandomStream(1), 1_000_000, 2);
        Assert.InRange(learner.MeanReward, 2.2, 2.7);
    }
}
