using System.Diagnostics;
using System.Globalization;
using Cresset.Benchmarks.Peers;
using Cresset.Numerics;
using Cresset.Rl;
using Cresset.Rl.Deep;

namespace Cresset.Benchmarks.Rl;

/// <summary>
/// PPO on CartPole with rl-zoo3's settings, 100,000 steps without evaluation: CPU seconds, and the step at which the mean of a hundred
/// episodes passes 475. The peer's side: <c>bench/peers/rl_ppo_cartpole.py</c>.
/// </summary>
internal static class PpoCartPole
{
    public static int Run(string[] args)
    {
        var seeds = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 3;
        var best = 0.0;
        for (var seed = 0; seed < seeds; seed++)
        {
            var environments = new SyncVectorEnvironment<float, int>(8, () => new TimeLimit<float, int>(new CartPole(), 500),
                AutoresetMode.SameStep);
            var options = new ActorCriticOptions
            {
                RolloutSteps = 32,
                Minibatches = 1,
                Epochs = 20,
                Gamma = 0.98,
                Lambda = 0.8,
                LearningRate = StepSizeRule.Linear(1e-3, 0, 100_000)
            };
            using var agent = new ActorCriticAgent<int>(environments, options, (ulong)seed);
            var before = Process.GetCurrentProcess().TotalProcessorTime;
            long? solved = null;
            while (agent.Step < 100_000)
            {
                agent.Advance();
                if (solved is null && agent.Episodes.BestMeanReturn >= 475) solved = agent.Step;
            }
            var seconds = (Process.GetCurrentProcess().TotalProcessorTime - before).TotalSeconds;
            best = Math.Max(best, agent.Step / seconds);
            var score = EpisodeEvaluation.Run(agent, () => new TimeLimit<float, int>(new CartPole(), 500), 100, 1_000_000 + (ulong)seed);
            Console.WriteLine(
                string.Create(CultureInfo.InvariantCulture,
                    $"seed {seed}  {seconds:0.00} CPU s  {agent.Step / seconds:0} steps/s  mean of 100 >= 475 at "
                        + $"{(solved is { } s ? s : "-")}  greedy {score.Mean:0.0}"));
        }
        if (PeerPython.Of(args, 1)?.Lines("rl_ppo_cartpole.py", seeds) is { } lines)
        {
            foreach (var line in lines) Console.WriteLine("peer " + line);
            ResultRow.More("PPO on CartPole, 100,000 steps", best,
                lines.Where(l => l.Contains("steps/s", StringComparison.Ordinal)).Max(DqnEndToEnd.Rate), "steps/s");
        }
        return 0;
    }
}
