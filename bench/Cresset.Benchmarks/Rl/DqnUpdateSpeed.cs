using System.Globalization;
using Cresset.Benchmarks.Peers;
using Cresset.Numerics;
using Cresset.Rl;
using Cresset.Rl.Deep;
using static TorchSharp.torch;

namespace Cresset.Benchmarks.Rl;

/// <summary>
/// One DQN update (target values, loss, gradients, Adam) on the native path, through TorchSharp and in PyTorch, taking turns in one run;
/// one thread, CPU time. Arguments: hidden widths, batch, rounds, and the command that starts Python (with PyTorch) where bench/peers can
/// be read.
/// </summary>
internal static class DqnUpdateSpeed
{
    private const int Repeat = 100;

    public static int Run(string[] args)
    {
        var hidden = (args.Length > 0 ? args[0] : "120,84").Split(',').Select(w => int.Parse(w, CultureInfo.InvariantCulture)).ToArray();
        var batch = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 128;
        var rounds = args.Length > 2 ? int.Parse(args[2], CultureInfo.InvariantCulture) : 15;
        set_num_threads(1);
        var options = new DqnOptions { Hidden = hidden, BatchSize = batch, ClipNorm = 10, Loss = ValueLoss.Squared };
        using var native = Learner(options with { Backend = NetworkBackend.Native });
        using var torch = Learner(options with { Backend = NetworkBackend.Torch });
        using var peer = PeerProcess.Of(args, 3, "rl_dqn_update.py", string.Join(',', hidden), batch, Repeat);
        var replay = Batch(batch);
        var errors = new float[batch];
        var contenders = new List<(string Name, Func<double> Micros)>
        {
            ("native", () => Cpu(() => native.Learner.Update(replay, 1e-4, errors))),
            ("TorchSharp", () => Cpu(() => torch.Learner.Update(replay, 1e-4, errors))),
        };
        if (peer is not null)
        {
            contenders.Add(("PyTorch fused", () => peer.Step("fused").Cpu * 1000 / Repeat));
            contenders.Add(("PyTorch", () => peer.Step("plain").Cpu * 1000 / Repeat));
        }
        var times = contenders.ToDictionary(c => c.Name, _ => new List<double>());
        for (var round = -3; round < rounds; round++)
        {
            foreach (var (name, micros) in contenders)
            {
                var time = micros();
                if (round >= 0) times[name].Add(time);
            }
        }
        // Forward of both networks, and two products the size of the forward on the way back (one for the first layer).
        int[] widths = [4, .. hidden, 2];
        var flops = 0.0;
        for (var i = 0; i + 1 < widths.Length; i++) flops += 2.0 * batch * widths[i] * widths[i + 1] * (i == 0 ? 3 : 4);
        Console.WriteLine(
            $"4-{string.Join('-', hidden)}-2, batch {batch}: {flops / 1e6:0.0} MFLOP; Vector512 "
                + $"{System.Runtime.Intrinsics.Vector512.IsHardwareAccelerated}");
        var ours = times["native"];
        if (times.TryGetValue("PyTorch fused", out var peers))
        {
            ResultRow.Less($"DQN update, {string.Join('-', hidden)}, batch {batch}", ours.Min(),
                Math.Min(peers.Min(), times["PyTorch"].Min()), "us of processor time");
        }
        foreach (var (name, list) in times)
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{name,-14} cpu min {list.Min(),7:0} median {Median(list),7:0} us  {flops / list.Min() / 1e3,6:0.0} GFLOP/s  over native: "
                    + $"min {list.Min() / ours.Min(),5:0.00}, median {Median([.. list.Zip(ours, (a, b) => a / b)]),5:0.00}"));
        }
        return 0;
    }

    private static DqnAgent Learner(DqnOptions options)
        => new(new SyncVectorEnvironment<float, int>(1, () => EnvironmentCatalog.Find("CartPole-v1").Create<float, int>(),
            AutoresetMode.SameStep), options, 1);

    private static ReplayBatch Batch(int size)
    {
        var batch = new ReplayBatch(size, 4);
        var random = new RandomStream(7);
        foreach (ref var value in batch.Observations.AsSpan()) value = (float)random.NextNormal();
        foreach (ref var value in batch.NextObservations.AsSpan()) value = (float)random.NextNormal();
        for (var i = 0; i < size; i++)
            (batch.Actions[i], batch.Returns[i], batch.Discounts[i]) = (random.NextInt32(2), 1, random.NextDouble() < 0.1 ? 0 : 0.99f);
        return batch;
    }

    private static double Cpu(Action update)
    {
        var before = Environment.CpuUsage.TotalTime;
        for (var i = 0; i < Repeat; i++) update();
        return (Environment.CpuUsage.TotalTime - before).TotalMicroseconds / Repeat;
    }

    private static double Median(List<double> values)
    {
        var sorted = values.Order().ToArray();
        return sorted[sorted.Length / 2];
    }
}
