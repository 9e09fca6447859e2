namespace Cresset.Quantization;

/// <summary>
/// A prior's forward pass in fixed order, position by position: the same logits on every processor, at any thread count and in any batch.
/// It holds a copy of the weights as they were when it was made.
/// </summary>
internal abstract class ExactPrior(CodePrior prior, string structure)
{
    /// <summary>The weights.</summary>
    protected ExactWeights Weights { get; } = new(prior, structure);

    /// <summary>Codes a position chooses from.</summary>
    public int CodebookSize { get; } = prior.CodebookSize;

    /// <summary>16 bytes that only these weights have.</summary>
    public byte[] Fingerprint => Weights.Fingerprint;

    /// <summary>Starts maps; <paramref name="labels"/> has one class a map, or none when the prior has no classes.</summary>
    public abstract ExactSession Begin(int maps, int height, int width, ReadOnlySpan<long> labels);

    /// <summary>A class's row of a table for each of the maps; null where the table is missing.</summary>
    protected float[]? Conditions(string table, ReadOnlySpan<long> labels)
    {
        if (!Weights.Has(table)) return null;
        var width = (int)Weights.Shape(table)[1];
        var rows = new float[labels.Length * width];
        ExactWeights.Rows(Weights.Of(table), width, labels, rows, 0);
        return rows;
    }
}

/// <summary>Maps in the making: for each position in raster order <see cref="Compute"/>, then <see cref="Accept"/>.</summary>
internal abstract class ExactSession(int codebookSize, int maps)
{
    /// <summary>Logits [maps, K] of the position computed last.</summary>
    public float[] Logits { get; } = new float[checked(maps * codebookSize)];

    /// <summary>Maps.</summary>
    public int Maps => maps;

    /// <summary>Makes the logits of a position.</summary>
    public abstract void Compute(int row, int column);

    /// <summary>Takes the codes [maps] of the position.</summary>
    public abstract void Accept(int row, int column, ReadOnlySpan<long> codes);

    /// <summary>a += b.</summary>
    protected static void Add(Span<float> a, ReadOnlySpan<float> b)
    {
        for (var i = 0; i < a.Length; i++) a[i] += b[i];
    }

    /// <summary>max(x, 0) in place.</summary>
    protected static void Relu(Span<float> values)
    {
        foreach (ref var value in values) value = value > 0 ? value : 0;
    }
}
