namespace Cresset.Optim;

/// <summary>What L-BFGS keeps from step to step.</summary>
internal sealed class LbfgsMemory
{
    /// <summary>Changes of the gradient, oldest first.</summary>
    public List<double[]> Changes { get; } = [];

    /// <summary>The moves that made them.</summary>
    public List<double[]> Moves { get; } = [];

    /// <summary>1 / (change . move).</summary>
    public List<double> Rho { get; } = [];

    public double[]? Direction { get; set; }

    public double[]? PreviousGradient { get; set; }

    public double Scale { get; set; } = 1;

    public double StepSize { get; set; }

    public double PreviousLoss { get; set; }

    public long Iterations { get; set; }

    public IEnumerable<(string Name, double Value)> Scalars()
    {
        yield return ("scale", Scale);
        yield return ("step_size", StepSize);
        yield return ("previous_loss", PreviousLoss);
        yield return ("iterations", Iterations);
        yield return ("pairs", Rho.Count);
        for (var i = 0; i < Rho.Count; i++) yield return (FormattableString.Invariant($"rho.{i}"), Rho[i]);
    }

    /// <summary>The vectors, as long as all parameters together.</summary>
    public IEnumerable<(string Name, double[] Vector)> Vectors()
    {
        if (Direction is { } d) yield return ("direction", d);
        if (PreviousGradient is { } g) yield return ("gradient", g);
        for (var i = 0; i < Rho.Count; i++)
        {
            yield return (FormattableString.Invariant($"change.{i}"), Changes[i]);
            yield return (FormattableString.Invariant($"move.{i}"), Moves[i]);
        }
    }

    public void Load(IReadOnlyDictionary<string, double> scalars, IReadOnlyDictionary<string, double[]> vectors)
    {
        Scale = scalars["scale"];
        StepSize = scalars["step_size"];
        PreviousLoss = scalars["previous_loss"];
        Iterations = (long)scalars["iterations"];
        Changes.Clear();
        Moves.Clear();
        Rho.Clear();
        for (var i = 0; i < (int)scalars["pairs"]; i++)
        {
            Rho.Add(scalars[FormattableString.Invariant($"rho.{i}")]);
            Changes.Add(vectors[FormattableString.Invariant($"change.{i}")]);
            Moves.Add(vectors[FormattableString.Invariant($"move.{i}")]);
        }
        Direction = vectors.GetValueOrDefault("direction");
        PreviousGradient = vectors.GetValueOrDefault("gradient");
    }
}
