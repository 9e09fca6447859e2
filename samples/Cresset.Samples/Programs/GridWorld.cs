using Cresset.Plots;
using Cresset.Rl;

namespace Cresset.Samples.Programs;

/// <summary>Zhao's grid world solved by value iteration; the values as a heat map.</summary>
internal static class GridWorld
{
    public static void Run()
    {
        var world = new ZhaoGridWorld();
        var result = ValueIteration.Solve(world.Model, new() { Gamma = 0.9 });
        Console.WriteLine($"{result.Iterations} sweeps; value of the first cell {result.Values[0]:0.000}");
        new Chart(new ChartOptions { Title = "Optimal values" }).HeatMap<double>(result.Values, 5, 5).Save("values.png");
    }
}
