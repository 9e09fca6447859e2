using System.Globalization;
using Cresset.Rl;
using Cresset.Rl.Deep;

namespace Cresset.Benchmarks.Rl;

/// <summary>
/// DQN on CartPole from the first step, acting and learning, without evaluations: steps per CPU second. Arguments: cleanrl or zoo, and
/// steps. The other side is bench/peers/rl_dqn_cartpole.py with the same arguments.
/// </summary>
internal static class DqnEndToEnd
{
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
        return 0;
    }
}
