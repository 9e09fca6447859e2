using Cresset.Numerics;
using TorchSharp;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>Replaces each vector by its nearest code in one learned codebook (van den Oord et al. 2017, arXiv:1711.00937, eq. 1-3).</summary>
public sealed class VectorQuantizer : Quantizer
{
    [ComponentName(Name = "_codebook")]
    private readonly Codebook _codebook;
    private readonly VectorQuantizerOptions _options;
    private readonly CollapseWatch _watch;

    /// <summary>Draws the first codes from the generator (seed 0 when null).</summary>
    public VectorQuantizer(VectorQuantizerOptions options, Generator? generator = null)
        : base(nameof(VectorQuantizer))
    {
        _options = options.ThrowIfInvalid();
        _codebook = new Codebook(options.Codebook, generator);
        var remedy = options.Codebook.RestartThreshold > 0
            ? "Raise RestartThreshold, or make the codebook smaller: there may be fewer clusters than codes."
            : "Set RestartThreshold = 2: codes that nobody chooses then move to vectors of the batch.";
        _watch = new CollapseWatch(options.Codebook.Size, remedy);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override long Width => _options.Codebook.Width;

    /// <inheritdoc/>
    public override IReadOnlyList<long> CodebookSizes => [_options.Codebook.Size];

    /// <summary>The codes and their statistics.</summary>
    public Codebook Codebook => _codebook;

    internal override RowResult QuantizeRows(RowBatch batch)
    {
        var choice = Choose(batch.Rows);
        Tensor values;
        Tensor? commitment = null;
        if (_options.Estimator == GradientEstimator.Rotation) values = RotationTrick.Apply(choice.Vectors, choice.Codes);
        else if (_options.Estimator == GradientEstimator.Directional && training) values = Directional(choice);
        else if (StraightThroughCommitment.Handles(choice.Vectors, choice.Codes)) (values, commitment) = StraightThroughCommitment.Apply(choice.Vectors, choice.Codes);
        else values = StraightThrough.Apply(choice.Vectors, choice.Codes);
        var terms = Terms(choice, commitment);
        return new RowResult(values, choice.Indices.unsqueeze(1), terms)
        {
            Restarted = Learn(choice, out var warning),
            Warnings = warning is null ? [] : [warning],
            Error = _options.Codebook.Similarity == CodeSimilarity.Euclidean ? terms[0].Value.ToDouble() : null,
        };
    }

    internal override Tensor DecodeRows(Tensor indices)
    {
        using var scope = NewDisposeScope();
        return CodeLookup.Values(_codebook.EffectiveCodes(), indices.reshape(-1)).MoveToOuterDisposeScope();
    }

    /// <summary>The nearest codes of rows [N, D] (or given ones), before any estimator: the step that a residual quantizer repeats.</summary>
    internal CodeChoice Choose(Tensor rows, Tensor? indices = null)
    {
        var vectors = _codebook.Transform(rows);
        if (training) _codebook.InitializeFrom(vectors);
        indices ??= _codebook.Nearest(vectors);
        return new CodeChoice(vectors, indices, _codebook.EffectiveCodes().index_select(0, indices));
    }

    /// <summary>The loss terms of a choice; the commitment term, computed unless given, comes first.</summary>
    internal List<LossTerm> Terms(CodeChoice choice, Tensor? commitment = null)
    {
        var terms = new List<LossTerm> { new("commitment", commitment ?? SquaredDifference.Mean(choice.Vectors, choice.Codes), _options.CommitmentWeight) };
        if (_options.Codebook.Learning == CodebookLearning.Gradient) terms.Add(new("codebook", nn.functional.mse_loss(choice.Codes, choice.Vectors.detach()), _options.CodebookWeight));
        if (_options.OrthogonalWeight > 0) terms.Add(new("orthogonal", CodebookPenalties.Orthogonality(_codebook.Codes), _options.OrthogonalWeight));
        if (_options.DiversityWeight > 0) terms.Add(new("diversity", CodebookPenalties.Diversity(choice.Vectors, _codebook.EffectiveCodes(), _codebook.Metric, _options.DiversityInverseTemperature), _options.DiversityWeight));
        return terms;
    }

    /// <summary>Updates the codebook in training mode, after all reads of this step. Returns the restarted codes.</summary>
    internal int Learn(CodeChoice choice, out string? warning)
    {
        warning = null;
        if (!training) return 0;
        using (var scope = NewDisposeScope()) warning = _watch.Observe(TensorSpans.Of<long>(choice.Indices.cpu().contiguous()));
        return _codebook.Update(choice.Vectors, choice.Indices);
    }

    private Tensor Directional(CodeChoice choice)
    {
        using var generator = _codebook.Stream.NextGenerator();
        return DirectionalReparameterization.Apply(choice.Vectors, choice.Codes, generator, _options.DirectionalVariance);
    }
}
