using System.Diagnostics;
using System.Globalization;
using Cresset.Benchmarks.Peers;
using Cresset.Flows;
using Cresset.Optim;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Benchmarks.Flows;

/// <summary>
/// One training step (zero gradients, loss, backward, Adam) of each kind of flow, taking turns with the peers' in another process.
/// Arguments: rounds, threads, scenarios joined by commas (or all), and the command that starts Python with the peers.
/// </summary>
internal static class FlowSteps
{
    private static readonly (string Name, string Peer, string Label, double Goal)[] Scenarios =
    [
        ("realnvp", "realnvp", "RealNVP 2-D, 8 couplings (128, 128), batch 512; zuko", 0.8),
        ("realnvp", "realnvp-handwritten", "the same; hand-written PyTorch", 1),
        ("spline-coupling", "spline-coupling", "spline coupling, 8 x (128, 128), 8 bins, batch 512; nflows", 0.6),
        ("spline-autoregressive", "spline-autoregressive", "spline autoregressive, 8 x (128, 128), batch 512; zuko", 0.6),
        ("cnf", "cnf", "CNF 64 x 3, batch 512, dopri5 1e-5, exact trace; torchdiffeq direct", 0.6),
        ("otcfm", "otcfm", "OT-CFM 64 x 3, exact assignment of 256; torchcfm with scipy", 0.5),
        ("glow", "glow", "Glow K=8 L=3 width 128, 32x32x3, batch 16; normflows", 0.8),
    ];

    public static int Run(string[] args)
    {
        var rounds = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 15;
        var threads = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 1;
        var wanted = args.Length > 2 && args[2] != "all" ? args[2].Split(',') : null;
        set_num_threads(threads);
        using var peer = PeerProcess.Of(args, 3, "flow_steps.py", threads);
        Console.WriteLine(
            $"{threads} threads, {rounds} rounds, sides in turns; allocator: {Cresset.Native.NativeRuntime.Allocator.Reason}");
        foreach (var (name, other, label, goal) in Scenarios.Where(s => wanted is null || wanted.Contains(s.Peer)))
        {
            var step = Create(name);
            List<(double Wall, double Cpu)> ours = [], theirs = [];
            for (var round = -4; round < rounds; round++)
            {
                var mine = Time(step);
                var answer = Answer(other);
                if (round < 0) continue;
                ours.Add(mine);
                if (answer is { } a) theirs.Add(a);
            }
            Console.WriteLine(label);
            Print("  Cresset", ours);
            if (theirs.Count == 0) continue;
            ResultRow.Less($"step of {label}, threads {threads}", ours.Min(t => t.Wall), theirs.Min(t => t.Wall), "ms");
            Print("  peer", theirs);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"  ratio: wall least {ours.Min(o => o.Wall) / theirs.Min(t => t.Wall):0.00}, median "
                    + $"{Median(ours.Zip(theirs, (a, b) => a.Wall / b.Wall)):0.00}; processor least "
                    + $"{ours.Min(o => o.Cpu) / theirs.Min(t => t.Cpu):0.00}, median "
                    + $"{Median(ours.Zip(theirs, (a, b) => a.Cpu / b.Cpu)):0.00}; goal {goal}"));
        }
        return 0;

        (double Wall, double Cpu)? Answer(string other)
        {
            try
            {
                return peer?.Step(other);
            }
            catch (InvalidOperationException missing)
            {
                // A package that the peer's Python lacks leaves the other scenarios as they are.
                Console.WriteLine(missing.Message);
                return null;
            }
        }
    }

    /// <summary>One training step of a scenario.</summary>
    internal static Action Create(string name)
    {
        var vector = new VectorFlowOptions { Hidden = [128, 128], Spline = SplineOptions.Bounded(5) };
        var x = randn(512, 2).DetachFromDisposeScope();
        switch (name)
        {
            case "realnvp": return Likelihood(new RealNvp(vector), x);
            case "spline-coupling": return Likelihood(new NeuralSplineCouplingFlow(vector), x);
            case "spline-autoregressive": return Likelihood(new NeuralSplineFlow(vector), x);
            case "glow":
                return Likelihood(new Glow(new GlowOptions { Levels = 3, Steps = 8, Width = 128 }),
                    rand(16, 3, 32, 32).DetachFromDisposeScope());
            case "cnf":
                var field = new MlpVelocity(new MlpVelocityOptions { Hidden = [64, 64, 64], Activation = "softplus" });
                return Likelihood(new ContinuousFlow(field, new NormalBase(2), new CnfOptions { Solver = OdeOptions.Dopri5(1e-5) }), x);
            case "otcfm": return Matching(new MlpVelocity(new MlpVelocityOptions { Hidden = [64, 64, 64] }));
            default: throw new ArgumentException($"Unknown scenario {name}.", nameof(name));
        }
    }

    private static Action Likelihood(DensityModel model, Tensor x) => Step(model, () => model.Loss(x));

    private static Action Matching(MlpVelocity model) => Step(model, () =>
    {
        Tensor source = EightGaussians(), data = Moons();
        source = OptimalTransport.Couple(source, data);
        var batch = FlowMatching.Blur(FlowMatching.Draw(source, data), 0.1);
        return FlowMatching.Loss(model.Velocity(batch.State, batch.Time), batch.Velocity);
    });

    private static Action Step(nn.Module model, Func<Tensor> loss)
    {
        var optimizer = new Optimizer(model, new AdamRule { LearningRate = 1e-3 });
        return () =>
        {
            using var scope = NewDisposeScope();
            optimizer.ZeroGrad();
            loss().backward();
            optimizer.Step();
        };
    }

    private static Tensor EightGaussians()
    {
        var angle = randint(0, 8, 256, dtype: ScalarType.Float32) * (Math.PI / 4);
        return stack([angle.cos(), angle.sin()], 1) * 5 + randn(256, 2) * Math.Pow(0.1, 0.25);
    }

    private static Tensor Moons()
    {
        var angle = rand(256) * Math.PI;
        var upper = rand(256) < 0.5;
        var points = stack([where(upper, angle.cos(), 1 - angle.cos()), where(upper, angle.sin(), 0.5 - angle.sin())], 1);
        return (points + randn(256, 2) * 0.2) * 3 - 1;
    }

    private static (double Wall, double Cpu) Time(Action step)
    {
        var cpu = Environment.CpuUsage.TotalTime;
        var clock = Stopwatch.StartNew();
        step();
        return (clock.Elapsed.TotalMilliseconds, (Environment.CpuUsage.TotalTime - cpu).TotalMilliseconds);
    }

    private static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return sorted[sorted.Length / 2];
    }

    private static void Print(string who, List<(double Wall, double Cpu)> times)
        => Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{who,-10} wall least {times.Min(t => t.Wall),7:0.00} median {Median(times.Select(t => t.Wall)),7:0.00} ms; processor least "
                + $"{times.Min(t => t.Cpu),7:0.00} median {Median(times.Select(t => t.Cpu)),7:0.00} ms"));
}
