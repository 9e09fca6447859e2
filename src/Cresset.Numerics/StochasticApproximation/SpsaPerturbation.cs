namespace Cresset.Numerics;

/// <summary>Perturbations of SPSA.</summary>
internal static class SpsaPerturbation
{
    public static Action<Span<double>> Signs(RandomStream random)
    {
        ArgumentNullException.ThrowIfNull(random);
        return delta =>
        {
            foreach (ref var d in delta) d = random.NextDouble() < 0.5 ? -1 : 1;
        };
    }

    public static double At(NoisyObjective objective, ReadOnlySpan<double> x, ReadOnlySpan<double> delta, double width, double[] probe)
    {
        for (var i = 0; i < probe.Length; i++) probe[i] = x[i] + (width * delta[i]);
        return objective(probe);
    }
}
