using System.Diagnostics;
using Cresset.Benchmarks.Peers;
using Cresset.Numerics;
using Cresset.Rl;

namespace Cresset.Benchmarks.Rl;

/// <summary>
/// Steps per second of the environments and updates per second of tabular Q-learning on one thread (best of several rounds of CPU time).
/// The peer's side: <c>bench/peers/rl_environments.py</c>, run
/// behind ours where a Python is named.
/// </summary>
internal static class EnvironmentSpeed
{
    public static int Run(string[] args)
    {
        var rounds = args.Length > 0 ? int.Parse(args[0], System.Globalization.CultureInfo.InvariantCulture) : 5;
        Dictionary<string, double> ours = [];
        Console.WriteLine($"{"task",-44} {"M/s",9} {"goal",6}");
        Report("CartPole, state value, bit exact", 30, rounds, () => SingleCartPole(3_000_000));
        Report("CartPole, environment contract, bit exact", 30, rounds, () => ContractCartPole(3_000_000));
        Report("CartPole x1024, Gymnasium's vector form", 0, rounds, () => VectorCartPole(1024, 2000));
        Report("CartPole float batch x8192, columns", 200, rounds, () => BatchCartPole(8192, 4000, rows: false));
        Report("CartPole float batch x8192, rows", 200, rounds, () => BatchCartPole(8192, 4000, rows: true));
        Report("FrozenLake slippery", 50, rounds, () => Table(new FrozenLake(), 10_000_000));
        Report("Taxi", 100, rounds, () => Table(new Taxi(), 10_000_000));
        Report("CliffWalking", 100, rounds, () => Table(new CliffWalking(), 10_000_000));
        Report("MountainCar", 0, rounds, () => Contract(new MountainCar(), 3, 2_000_000));
        Report("Acrobot", 0, rounds, () => Contract(new Acrobot(), 3, 300_000));
        Report("Pendulum", 0, rounds, () => Pendulum(2_000_000));
        Report("Blackjack", 0, rounds, () => Blackjack(3_000_000));
        Report("tabular Q-learning updates, Taxi", 35, rounds, () => QLearningOn(new Taxi(), 500, 6, 10_000_000));
        Report("tabular Q-learning updates, CliffWalking", 35, rounds, () => QLearningOn(new CliffWalking(), 48, 4, 10_000_000));
        Report("value iteration backups (state-action), Taxi", 0, rounds, Backups);
        foreach (var line in PeerPython.Of(args, 1)?.Lines("rl_environments.py") ?? [])
        {
            // "name   figure M/s"
            if (!line.EndsWith(" M/s", StringComparison.Ordinal)) continue;
            var name = line[..44].TrimEnd();
            if (!ours.TryGetValue(Twin(name), out var rate)) continue;
            var peer = double.Parse(line[44..^4], System.Globalization.CultureInfo.InvariantCulture);
            Console.WriteLine($"peer {name,-44} {peer:0.000}, ratio {rate / peer:0.0}");
            ResultRow.More(name, rate, peer, "M/s");
        }
        return 0;

        void Report(string name, double goal, int times, Func<long> work) => ours[name] = Measure(name, goal, times, work);
    }

    /// <summary>What the peer's name is called here.</summary>
    private static string Twin(string name) => name switch
    {
        "CartPole" => "CartPole, environment contract, bit exact",
        "CartPole x1024, vector_entry_point" => "CartPole x1024, Gymnasium's vector form",
        "CartPole x8192, vector_entry_point" => "CartPole float batch x8192, columns",
        _ => name,
    };

    private static double Measure(string name, double goal, int rounds, Func<long> work)
    {
        work();
        var best = double.MaxValue;
        long count = 0;
        for (var i = 0; i < rounds; i++)
        {
            // CPU time of this thread's process: other load on the machine does not count.
            var before = Process.GetCurrentProcess().TotalProcessorTime;
            count = work();
            best = Math.Min(best, (Process.GetCurrentProcess().TotalProcessorTime - before).TotalSeconds);
        }
        Console.WriteLine(
            $"{name,-44} {count / best / 1e6,9:0.0} "
                + $"{(goal > 0 ? goal.ToString("0", System.Globalization.CultureInfo.InvariantCulture) : ""),6}");
        return count / best / 1e6;
    }

    private static long SingleCartPole(int steps)
    {
        var random = new RandomStream(1);
        var state = Start(random);
        var bits = new SplitMix64(2);
        ulong word = 0;
        for (var i = 0; i < steps; i++)
        {
            if ((i & 63) == 0) word = bits.Next();
            if (CartPoleDynamics.Step(ref state, (word & 1) != 0)) state = Start(random);
            word >>= 1;
        }
        return steps;
    }

    private static CartPoleState Start(RandomStream random) =>
        new(random.Uniform(-0.05, 0.05), random.Uniform(-0.05, 0.05), random.Uniform(-0.05, 0.05), random.Uniform(-0.05, 0.05));

    private static long ContractCartPole(int steps)
    {
        var environment = new CartPole();
        var bits = new SplitMix64(2);
        Span<float> observation = stackalloc float[4];
        Span<int> action = stackalloc int[1];
        environment.Reset(observation, 1);
        ulong word = 0;
        for (var i = 0; i < steps; i++)
        {
            if ((i & 63) == 0) word = bits.Next();
            action[0] = (int)(word & 1);
            if (environment.Step(action, observation).Terminated) environment.Reset(observation);
            word >>= 1;
        }
        return steps;
    }

    private static long VectorCartPole(int count, int steps)
    {
        var vector = new CartPoleVectorEnvironment(count);
        vector.Reset(1);
        var actions = Actions(count, 2);
        for (var t = 0; t < steps; t++) vector.Step(actions[t & 15]);
        return (long)count * steps;
    }

    private static long BatchCartPole(int count, int steps, bool rows)
    {
        var batch = new CartPoleBatch(count, 500, rows);
        batch.Reset(1);
        var actions = Actions(count, 2);
        for (var t = 0; t < steps; t++) batch.Step(actions[t & 15]);
        return (long)count * steps;
    }

    private static long Table(TableEnvironment environment, int steps)
    {
        var actions = Actions(4096, environment.Model.ActionCount)[0];
        environment.ResetState(1);
        for (var i = 0; i < steps; i++)
        {
            if (environment.StepState(actions[i & 4095], out _).Terminated) environment.ResetState();
        }
        return steps;
    }

    private static long Contract(IEnvironment<float, int> environment, int actionCount, int steps)
    {
        var actions = Actions(4096, actionCount)[0];
        var observation = environment.Reset(1);
        for (var i = 0; i < steps; i++)
        {
            if (environment.Step(actions[i & 4095], observation.AsSpan()).Terminated) environment.Reset(observation.AsSpan());
        }
        return steps;
    }

    private static long Pendulum(int steps)
    {
        var environment = new Pendulum();
        var observation = environment.Reset(1);
        for (var i = 0; i < steps; i++) environment.Step((i % 5) - 2f, observation.AsSpan());
        return steps;
    }

    private static long Blackjack(int steps)
    {
        var environment = new Blackjack();
        var observation = environment.Reset(1);
        for (var i = 0; i < steps; i++)
        {
            if (environment.Step(observation[0] < 17 ? 1 : 0, observation.AsSpan()).Terminated) environment.Reset(observation.AsSpan());
        }
        return steps;
    }

    private static long QLearningOn(TableEnvironment environment, int states, int actions, int steps)
    {
        var learner = new QLearning(states, actions,
            new()
            {
                Gamma = 0.99,
                StepSize = StepSizeRule.Constant(0.1),
                Exploration = new() { Epsilon = 0.1, Ties = TieBreaking.LowestIndex }
            });
        environment.ResetState(1);
        learner.RunFast(environment, steps, new RandomStream(2), 200);
        return steps;
    }

    private static long Backups()
    {
        var model = new Taxi().Model;
        var sweeps = ValueIteration.Solve(model, new() { Gamma = 0.999, Tolerance = 0, MaxIterations = 2000 }).Iterations;
        return (long)sweeps * model.StateCount * model.ActionCount;
    }

    private static int[][] Actions(int count, int kinds)
    {
        var random = new RandomStream(7);
        var actions = new int[16][];
        for (var k = 0; k < 16; k++)
        {
            actions[k] = new int[count];
            for (var i = 0; i < count; i++) actions[k][i] = random.NextInt32(kinds);
        }
        return actions;
    }
}
