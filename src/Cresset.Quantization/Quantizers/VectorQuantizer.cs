using Cresset.Numerics;
using TorchSharp;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>
/// Replaces each vector by its nearest code in one learned codebook (van den Oord et al. 2017, arXiv:1711.00937, eq. 1-3).
/// </summary>
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
        _watch = new CollapseWatch(options.Codebook.Size, options.Codebook.RestartShare);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override long Width => _options.Codebook.Width;

    /// <inheritdoc/>
    public override IReadOnlyList<long> CodebookSizes => [_options.Codebook.Size];

    /// <summary>The codes and their statistics.</summary>
    public Codebook Codebook => _codebook;

    /// <inheritdoc/>
    protected internal override RowResult QuantizeRows(RowBatch batch)
    {
        var choice = Choose(batch.Rows, batch.Given);
        var values = choice.Codes;
        Tensor? commitment = null;
        if (_options.Estimator == GradientEstimator.Directional && training) values = Directional(choice);
        else if (batch.IsStage) values = choice.Codes.detach();
        else if (_options.Estimator == GradientEstimator.Rotation) values = RotationTrick.Apply(choice.Vectors, choice.Codes);
        else if (StraightThroughCommitment.Handles(choice.Vectors, choice.Codes))
            (values, commitment) = StraightThroughCommitment.Apply(choice.Vectors, choice.Codes);
        else values = StraightThrough.Apply(choice.Vectors, choice.Codes);
        var terms = Terms(choice, commitment);
        return new RowResult(values, choice.Indices.unsqueeze(1), terms)
        {
            Codes = _options.Estimator == GradientEstimator.Directional && training ? choice.Codes : null,
            Gradient = _options.Estimator == GradientEstimator.Directional && training ? StageGradient.Directed : StageGradient.OfTheSum,
            Learn = training ? () => Learn(choice) : null,
            Error = _options.Codebook.Similarity == CodeSimilarity.Euclidean ? terms[0].Value.ToDouble() : null,
        };
    }

    internal override void Prepare(Tensor rows)
    {
        if (!training) return;
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        _codebook.InitializeFrom(_codebook.Transform(rows));
    }

    internal override Tensor? Likeness(Tensor rows)
        => Likeness(_codebook.Compared(_codebook.Transform(rows)), _codebook.Compared(_codebook.EffectiveCodes(rows.dtype, copied: true)),
            _codebook.Metric);

    internal override Tensor? Table(ScalarType type) => _codebook.EffectiveCodes(type);

    /// <inheritdoc/>
    protected internal override Tensor DecodeRows(Tensor indices)
    {
        using var scope = NewDisposeScope();
        return CodeLookup.Values(_codebook.EffectiveCodes(_codebook.Codes.dtype), indices.reshape(-1)).MoveToOuterDisposeScope();
    }

    private CodeChoice Choose(Tensor rows, Tensor? indices)
    {
        var vectors = _codebook.Transform(rows);
        if (training) _codebook.InitializeFrom(vectors);
        // The averages or a restart will write into the codes before the backward pass, which must still see what was read here.
        var changes = training && _codebook.ChangesInForward
            && (_options.Codebook.Learning == CodebookLearning.Gradient || _options.DiversityWeight > 0);
        var table = _codebook.EffectiveCodes(rows.dtype, copied: changes);
        indices ??= CodeSearch.Nearest(_codebook.Compared(vectors), _codebook.Compared(table), _codebook.Metric);
        return new CodeChoice(vectors, indices, table.index_select(0, indices), table);
    }

    /// <summary>The loss terms of a choice; the commitment term, computed unless given, comes first.</summary>
    private List<LossTerm> Terms(CodeChoice choice, Tensor? commitment)
    {
        var terms =
            new List<LossTerm> { new("commitment", commitment ?? SquaredDifference.Mean(choice.Vectors, choice.Codes),
                _options.CommitmentWeight) };
        if (_options.Codebook.Learning == CodebookLearning.Gradient)
            terms.Add(new("codebook", nn.functional.mse_loss(choice.Codes, choice.Vectors.detach()), _options.CodebookWeight));
        if (_options.OrthogonalWeight > 0)
            terms.Add(new("orthogonal", CodebookPenalties.Orthogonality(choice.Table), _options.OrthogonalWeight));
        if (_options.DiversityWeight > 0)
            terms.Add(
                new("diversity",
                    CodebookPenalties.Diversity(_codebook.Compared(choice.Vectors), _codebook.Compared(choice.Table), _codebook.Metric,
                        _options.DiversityInverseTemperature), _options.DiversityWeight));
        return terms;
    }

    private LearnedCodes Learn(CodeChoice choice)
    {
        using var scope = NewDisposeScope();
        var restarted = _codebook.Update(choice.Vectors, choice.Indices);
        return new(restarted,
            _watch.Observe(TensorSpans.Of<long>(choice.Indices.cpu().contiguous()), restarted) is { } warning ? [warning] : []);
    }

    private Tensor Directional(CodeChoice choice)
    {
        using var generator = _codebook.Stream.NextGenerator();
        return DirectionalReparameterization.Apply(choice.Vectors, choice.Codes, generator, _options.DirectionalVariance);
    }
}
