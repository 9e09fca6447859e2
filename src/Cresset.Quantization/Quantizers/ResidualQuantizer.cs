using Cresset.Numerics;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>
/// Stages of quantizers, each on the residual of those before: r0 = z, r(i+1) = r(i) - q(i), value = sum of q(i).
/// </summary>
/// <remarks>
/// The reconstruction gradient reaches the input once, whatever the number of stages, and every stage's commitment term keeps its own
/// gradient to the input.
/// </remarks>
public sealed class ResidualQuantizer : Quantizer
{
    [ComponentName(Name = "layers")]
    private readonly ModuleList<Quantizer> _stages;
    [ComponentName(Name = "stream")]
    private readonly CountedStream _stream;
    private readonly ResidualQuantizerOptions _options;
    private readonly int _stageCount;

    /// <summary>Draws the codebooks from the generator (seed 0 when null).</summary>
    public ResidualQuantizer(ResidualQuantizerOptions options, Generator? generator = null)
        : base(nameof(ResidualQuantizer))
    {
        _options = options.ThrowIfInvalid();
        using var own = generator is null ? new Generator(0) : null;
        generator ??= own;
        _stageCount = options.Stages;
        var modules = options.SharedCodebook ? 1 : options.Stages;
        _stages =
            new ModuleList<Quantizer>([.. Enumerable.Range(0, modules).Select(i => Scaled(options.StageOptions(i), i).Build(generator))]);
        if (_stages[0].CodebookSizes.Count != 1)
            throw new ArgumentException(
                $"A stage must give a vector one index; this one gives it {_stages[0].CodebookSizes.Count}. Put the residual quantizer "
                    + $"inside the other: heads of residual quantizers.", nameof(options));
        _stream = new CountedStream(generator);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override long Width => _stages[0].Width;

    /// <inheritdoc/>
    public override IReadOnlyList<long> CodebookSizes => [.. Enumerable.Range(0, _stageCount).Select(i => Stage(i).CodebookSizes[0])];

    internal override bool AcceptsFewerStages => true;

    /// <summary>The quantizer of a stage.</summary>
    public Quantizer Stage(int stage) => _stages[_stages.Count == 1 ? 0 : stage];

    /// <inheritdoc/>
    protected internal override RowResult QuantizeRows(RowBatch batch)
    {
        var kept = StagesKept(batch);
        var path = _options.BeamWidth > 1 ? BeamPath(batch.Rows) : null;
        var count = batch.Rows.size(0);
        var residual = batch.Rows;
        var total = zeros_like(batch.Rows);
        Tensor? own = null;
        var gradient = StageGradient.OfTheSum;
        var indices = full([count, _stageCount], -1L, dtype: ScalarType.Int64, device: residual.device);
        var terms = new List<LossTerm>();
        var teach = new List<(string Name, Func<LearnedCodes> Learn)>();
        for (var i = 0; i < _stageCount; i++)
        {
            Tensor? chosen = null;
            var part = batch with { Rows = residual, IsStage = true, Given = path?.narrow(1, i, 1).reshape(-1) };
            if (kept is not null)
            {
                long[] rows = [.. Enumerable.Range(0, kept.Length).Where(row => kept[row] > i).Select(row => (long)row)];
                if (rows.Length == 0) break;
                if (rows.Length < count)
                {
                    chosen = tensor(rows, device: residual.device);
                    part = part.Select(residual.index_select(0, chosen), rows) with { Given = part.Given?.index_select(0, chosen) };
                }
            }
            var result = Stage(i).QuantizeRows(part);
            terms.AddRange(result.Terms.Select(term => term with { Name = $"{term.Name}.{i}" }));
            if (result.Learn is { } learn) teach.Add(($"Stage {i}", learn));
            var codes = (result.Codes ?? result.Values).detach();
            gradient = result.Gradient;
            if (gradient == StageGradient.Own) own = Sum(own, result.Values, chosen, total);
            // z + sum of the moves, and what the later stages moved from as a constant: it came from z, whose gradient has passed.
            if (gradient == StageGradient.Directed)
                own = Sum(own, i == 0 ? result.Values : result.Values - part.Rows + part.Rows.detach(), chosen, total);
            if (chosen is null) indices.select(1, i).copy_(result.Indices.reshape(-1));
            else indices.select(1, i).index_copy_(0, chosen, result.Indices.reshape(-1));
            if (chosen is not null) codes = zeros_like(total).index_copy_(0, chosen, codes);
            residual = residual - codes;
            total = total + codes;
        }
        var output = own is not null ? own
            : _options.Estimator == GradientEstimator.Rotation ? RotationTrick.Apply(batch.Rows, total)
            : StraightThrough.Apply(batch.Rows, total);
        return new RowResult(output, indices, terms)
        {
            Codes = own is null ? null : total,
            Gradient = own is null ? StageGradient.OfTheSum : StageGradient.Own,
            Learn = teach.Count == 0 ? null : () => LearnedCodes.Together(teach.Select(t => (t.Name, t.Learn()))),
        };
    }

    internal override Tensor CrossEntropyOfRows(Tensor rows, Tensor indices)
    {
        var terms = new List<Tensor>();
        for (var i = 0; i < _stageCount; i++)
        {
            var stage = indices.narrow(1, i, 1);
            if (stage.ge(0).any().ToBoolean()) terms.Add(Stage(i).CrossEntropyOfRows(rows, stage));
            rows = rows - Stage(i).DecodeRows(stage).to(rows.dtype).detach();
        }
        return terms.Aggregate((a, b) => a + b) / terms.Count;
    }

    /// <inheritdoc/>
    protected internal override Tensor DecodeRows(Tensor indices)
    {
        using var scope = NewDisposeScope();
        var total = Stage(0).DecodeRows(indices.narrow(1, 0, 1));
        for (var i = 1; i < indices.size(1); i++) total = total + Stage(i).DecodeRows(indices.narrow(1, i, 1));
        return total.MoveToOuterDisposeScope();
    }

    /// <summary>How many stages each row keeps; null when all keep all.</summary>
    private int[]? StagesKept(RowBatch batch)
    {
        if (!training || _options.DropoutProbability == 0 || _stageCount == 1) return null;
        var stream = _stream.Next();
        var samples = new int[batch.SampleCount];
        for (var s = 0; s < samples.Length; s++)
        {
            var dropped = stream.NextDouble() < _options.DropoutProbability;
            var keep = 1 + stream.NextInt32(_stageCount);
            keep = (keep + _options.DropoutMultiple - 1) / _options.DropoutMultiple * _options.DropoutMultiple;
            samples[s] = dropped ? Math.Min(keep, _stageCount) : _stageCount;
        }
        var rows = new int[batch.Rows.size(0)];
        for (var row = 0; row < rows.Length; row++) rows[row] = samples[batch.SampleOf(row)];
        return rows;
    }

    private Tensor BeamPath(Tensor rows)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var residual = rows.detach();
        var tables = new List<Tensor>();
        for (var i = 0; i < _stageCount; i++)
        {
            // A stage that starts by k-means starts on what the greedy choice of those before leaves.
            Stage(i).Prepare(residual);
            var table = (Stage(i).Table(rows.dtype)
                ?? throw new InvalidOperationException($"Stage {i} has no table of codes for a beam search.")).detach();
            tables.Add(table);
            if (training) residual = residual - table.index_select(0, CodeSearch.Nearest(residual, table, CodeMetric.Euclidean));
        }
        return ResidualBeam.Search(rows.detach(), tables, _options.BeamWidth).MoveToOuterDisposeScope();
    }

    private static QuantizerOptions Scaled(QuantizerOptions options, int stage)
        => options.StageScale(stage) is var scale && scale == 1 ? options : new ScaledQuantizerOptions(options, scale);

    private static Tensor Sum(Tensor? sum, Tensor part, Tensor? chosen, Tensor like)
    {
        if (chosen is not null) part = zeros_like(like).index_add(0, chosen, part, 1);
        return sum is null ? part : sum + part;
    }
}
