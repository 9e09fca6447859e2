namespace Cresset.Rl.Deep;

/// <summary>Steps to learn from at once, one row per step.</summary>
/// <param name="rows">Number of rows.</param>
/// <param name="observationSize">Values of an observation.</param>
/// <param name="actionSize">Values of an action.</param>
/// <param name="maskSize">Entries of an action mask; 0 where there is none.</param>
/// <param name="steps">Steps that follow each other in time; 0 where nothing is remembered and rows stand alone.</param>
/// <param name="memorySize">Values that each network remembers.</param>
internal sealed class ActorCriticBatch(int rows, int observationSize, int actionSize, int maskSize = 0, int steps = 0, int memorySize = 0)
{
    public int Rows { get; } = rows;

    public float[] Observations { get; } = new float[rows * observationSize];

    public float[] Actions { get; } = new float[rows * actionSize];

    /// <summary>Logarithms of the actions' densities under the policy that acted.</summary>
    public float[] LogProbs { get; } = new float[rows];

    /// <summary>Values of the states under the network that acted.</summary>
    public float[] Values { get; } = new float[rows];

    public float[] Advantages { get; } = new float[rows];

    /// <summary>What the values are fitted to.</summary>
    public float[] Returns { get; } = new float[rows];

    /// <summary>The rows as the policy remembers them; null where rows stand alone.</summary>
    public Stretches? PolicyStretches { get; } = steps == 0 ? null
        : new Stretches(steps, new bool[rows], new float[rows / steps * memorySize]);

    /// <summary>The rows as the value network remembers them, with the same beginnings; null where rows stand alone.</summary>
    public Stretches? ValueStretches { get; } = steps == 0 ? null
        : new Stretches(steps, new bool[rows], new float[rows / steps * memorySize]);

    public bool[] Masks { get; } = new bool[rows * maskSize];

    public ReadOnlySpan<bool> Mask(int row) => maskSize == 0 ? [] : Masks.AsSpan(row * maskSize, maskSize);

    /// <summary>Notes whether a row is the first of an episode.</summary>
    public void Begin(int row, bool isFirst) => PolicyStretches!.Begins[row] = ValueStretches!.Begins[row] = isFirst;

    /// <summary>Copies a whole stretch with what was remembered before it.</summary>
    public void CopyStretch(int stretch, ActorCriticBatch from, int source)
    {
        for (var t = 0; t < steps; t++)
        {
            CopyRow((stretch * steps) + t, from, (source * steps) + t);
            Begin((stretch * steps) + t, from.PolicyStretches!.Begins[(source * steps) + t]);
        }
        from.PolicyStretches!.Memory.AsSpan(source * memorySize, memorySize).CopyTo(PolicyStretches!.Memory.AsSpan(stretch * memorySize));
        from.ValueStretches!.Memory.AsSpan(source * memorySize, memorySize).CopyTo(ValueStretches!.Memory.AsSpan(stretch * memorySize));
    }

    public void CopyRow(int row, ActorCriticBatch from, int source)
    {
        from.Observations.AsSpan(source * observationSize, observationSize).CopyTo(Observations.AsSpan(row * observationSize));
        from.Actions.AsSpan(source * actionSize, actionSize).CopyTo(Actions.AsSpan(row * actionSize));
        from.Mask(source).CopyTo(Masks.AsSpan(row * maskSize));
        (LogProbs[row], Values[row], Advantages[row], Returns[row]) = (from.LogProbs[source], from.Values[source], from.Advantages[source],
            from.Returns[source]);
    }
}

/// <summary>Figures of an update.</summary>
/// <param name="PolicyLoss">Mean of the policy's loss.</param>
/// <param name="ValueLoss">Mean squared error of the values (the larger one where they are clipped).</param>
/// <param name="Entropy">Mean entropy.</param>
/// <param name="Kl">Approximate KL divergence from the policy that acted.</param>
/// <param name="Clipped">Share of rows whose ratio left the clip range.</param>
/// <param name="Norm">Gradient norm over both networks before clipping.</param>
internal readonly record struct ActorCriticFigures(double PolicyLoss, double ValueLoss, double Entropy, double Kl, double Clipped,
    double Norm);
