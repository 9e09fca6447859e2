namespace Cresset.Quantization;

/// <summary>
/// A prior's forward pass in fixed order, position by position: the same logits on every processor, at any thread count and in any batch.
/// It holds a copy of the weights as they were when it was made.
/// </summary>
internal abstract class ExactPrior
{
    private readonly ExactCaptionEncoder? _captions;

    /// <summary>Copies the weights.</summary>
    /// <param name="prior">The prior.</param>
    /// <param name="structure">What the weights do not tell; part of the fingerprint.</param>
    protected ExactPrior(CodePrior prior, string structure)
    {
        CodebookSize = prior.CodebookSize;
        Weights = new(prior, prior.Captions is { } c ? $"{structure} captions of {c.Heads} heads" : structure);
        if (prior.Captions is { } captions) _captions = new ExactCaptionEncoder(Weights, captions.Heads);
    }

    /// <summary>The weights.</summary>
    protected ExactWeights Weights { get; }

    /// <summary>Codes a position chooses from.</summary>
    public int CodebookSize { get; }

    /// <summary>16 bytes that only these weights have.</summary>
    public byte[] Fingerprint => Weights.Fingerprint;

    /// <summary>
    /// Starts maps; <paramref name="condition"/> has one class a map, or as many words for each; none when nothing is told.
    /// </summary>
    public abstract ExactSession Begin(int maps, int height, int width, ReadOnlySpan<long> condition);

    /// <summary>The classes of maps; all 0 where there are none, so that what stands for none is taken.</summary>
    protected long[] Labels(ReadOnlySpan<long> condition, int maps) =>
        _captions is not null || condition.IsEmpty ? new long[maps] : condition.ToArray();

    /// <summary>The vectors of captions [maps, outputs]; null where the prior reads none.</summary>
    protected float[]? Captions(ReadOnlySpan<long> condition, int maps) => _captions?.Rows(condition, maps);

    /// <summary>
    /// What is told of each of the maps: the vector of its caption, or its class's row of a table; null where there is neither.
    /// </summary>
    protected float[]? Conditions(string table, ReadOnlySpan<long> condition, int maps)
    {
        if (Captions(condition, maps) is { } vectors) return vectors;
        if (!Weights.Has(table)) return null;
        var labels = Labels(condition, maps);
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
