using Cresset.Optim;

namespace Cresset.Samples.Programs;

/// <summary>The usual optimizers on Rosenbrock's valley, each at its best rate.</summary>
internal static class OptimizerRace
{
    public static void Run()
    {
        foreach (var name in new[] { "sgd", "momentum", "adam", "lion" })
        {
            var result = Cresset.Optim.OptimizerRace.OnSurface(TestSurface.Rosenbrock, RaceParticipant.Of(name), steps: 300);
            Console.WriteLine($"{result.Label,-10} rate {result.Rate,-6} loss {result.Losses[^1]:0.0000}");
        }
    }
}
