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

    /// <summary>
    /// Moves <paramref name="centre"/> and shortens the perturbations, coordinate by coordinate, until all probes lie in the box.
    /// </summary>
    public static void Fit(ApproximationBox box, Span<double> centre, double width, Span<double> delta, double width2 = 0,
        Span<double> delta2 = default)
    {
        for (var i = 0; i < centre.Length; i++)
        {
            var wanted = (width * Math.Abs(delta[i])) + (delta2.IsEmpty ? 0 : width2 * Math.Abs(delta2[i]));
            var half = box.HalfWidth(i, wanted);
            if (half < wanted)
            {
                delta[i] *= half / wanted;
                if (!delta2.IsEmpty) delta2[i] *= half / wanted;
            }
            centre[i] = box.Centre(i, centre[i], half);
        }
    }

    public static void Place(ApproximationBox box, ReadOnlySpan<double> x, ReadOnlySpan<double> delta, double width, Span<double> probe)
    {
        // The box again: the sum may be rounded out of it.
        for (var i = 0; i < probe.Length; i++) probe[i] = box.Clamp(i, x[i] + (width * delta[i]));
    }
}
