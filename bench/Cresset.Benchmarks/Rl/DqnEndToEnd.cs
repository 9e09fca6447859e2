using System.Globalization;
using Cresset.Benchmarks.Peers;
using Cresset.Rl;
using Cresset.Rl.Deep;

namespace Cresset.Benchmarks.Rl;

/// <summary>
/// DQN on CartPole from the first step, acting and learning, without evaluations: steps per CPU second. Arguments: cleanrl or zoo, and
/// steps. The other side is bench/peers/rl_dqn_cartpole.py with the same arguments, run behind ours where a Python is named.
/// </summary>
internal static class DqnEndToEnd
{
    /// <summary>The number before "steps/s" in a line that a peer printed.</summary>
    internal static double Rate(string line)
    {
        var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return double.Parse(words[Array.IndexOf(words, "steps/s") - 1], CultureInfo.InvariantCulture);
    }

    public static int Run(string[] args)
    {
        var zoo = args.Length > 0 && args[0] == "zoo";
        var steps = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 30_000;
        var options = zoo ? DqnOptions.ZooCartPole : DqnOptions.CleanRl;
        using var agent = new DqnAgent(
            new SyncVectorEnvironment<float, int>(1, () => EnvironmentCatalog.Find("CartPole-v1").Create<float, int>(),
                AutoresetMode.SameStep), options, 1);
        var began = Environment.CpuUsage.TotalTime;
        var wall = System.Diagnostics.Stopwatch.StartNew();
        while (agent.Step < steps) agent.Advance();
        var cpu = (Environment.CpuUsage.TotalTime - began).TotalSeconds;
        Console.WriteLine(
            string.Create(CultureInfo.InvariantCulture,
                $"{(zoo ? "zoo" : "cleanrl")}: {steps} steps, {agent.Updates} updates, {cpu:0.00} CPU s, {wall.Elapsed.TotalSeconds:0.00} "
                    + $"wall s, {steps / cpu:0} steps/s"));
        if (PeerPython.Of(args, 2)?.Lines("rl_dqn_cartpole.py", zoo ? "zoo" : "cleanrl", steps)[^1] is { } answer)
        {
            Console.WriteLine("peer " + answer);
            ResultRow.More($"DQN on CartPole, {(zoo ? "zoo" : "cleanrl")}, {steps} steps", steps / cpu, Rate(answer), "steps/s");
        }
        return 0;
    }
}
