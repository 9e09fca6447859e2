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
/// The reconstruction gradient reaches the input once, whatever the number of stages, and every stage's commitment term keeps its own gradient to the input.
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
        _stages = new ModuleList<Quantizer>([.. Enumerable.Range(0, modules).Select(_ => (Quantizer)new VectorQuantizer(options.Stage, generator))]);
        _stream = new CountedStream(generator);
        RegisterComponents();
    }

    private ResidualQuantizer(IReadOnlyList<Quantizer> stages)
        : base(nameof(ResidualQuantizer))
    {
        if (stages.Count == 0) throw new ArgumentException("There must be at least one stage.", nameof(stages));
        if (stages.Any(s => s.Width != stages[0].Width || s.CodebookSizes.Count != 1)) throw new ArgumentException("All stages must have one width and one index a vector.", nameof(stages));
        _options = new ResidualQuantizerOptions { Stages = stages.Count };
        _stageCount = stages.Count;
        _stages = new ModuleList<Quantizer>([.. stages]);
        _stream = new CountedStream(null);
        RegisterComponents();
    }

    /// <summary>Stages of any kind, of one width and with one index a vector each; greedy and without dropout.</summary>
    public static ResidualQuantizer Of(IReadOnlyList<Quantizer> stages)
    {
        ArgumentNullException.ThrowIfNull(stages);
        return new ResidualQuantizer(stages);
    }

    /// <summary>Residual FSQ: stage i works on a grid finer by the number of levels to the power i (the least level count, so that no stage's range is too small).</summary>
    public static ResidualQuantizer Finite(FiniteScalarQuantizerOptions options, int stages)
    {
        ArgumentNullException.ThrowIfNull(options);
        var finer = options.Levels.Min() - 1.0;
        return new ResidualQuantizer([.. Enumerable.Range(0, stages).Select(i => (Quantizer)new ScaledQuantizer(new FiniteScalarQuantizer(options), Math.Pow(finer, -i)))]);
    }

    /// <inheritdoc/>
    public override long Width => _stages[0].Width;

    /// <inheritdoc/>
    public override IReadOnlyList<long> CodebookSizes => [.. Enumerable.Range(0, _stageCount).Select(i => Stage(i).CodebookSizes[0])];

    internal override bool AcceptsFewerStages => true;

    /// <summary>The quantizer of a stage.</summary>
    public Quantizer Stage(int stage) => _stages[_stages.Count == 1 ? 0 : stage];

    internal override RowResult QuantizeRows(RowBatch batch)
    {
        var kept = StagesKept(batch);
        var path = _options.BeamWidth > 1 ? BeamPath(batch.Rows) : null;
        var count = batch.Rows.size(0);
        var residual = batch.Rows;
        var total = zeros_like(batch.Rows);
        var indices = full([count, _stageCount], -1L, dtype: ScalarType.Int64, device: residual.device);
        var terms = new List<LossTerm>();
        var warnings = new List<string>();
        var restarted = 0;
        var teach = new List<(VectorQuantizer Stage, CodeChoice Choice, int Number)>();
        for (var i = 0; i < _stageCount; i++)
        {
            Tensor? chosen = null;
            var part = batch with { Rows = residual };
            if (kept is not null)
            {
                long[] rows = [.. Enumerable.Range(0, kept.Length).Where(row => kept[row] > i).Select(row => (long)row)];
                if (rows.Length == 0) break;
                if (rows.Length < count)
                {
                    chosen = tensor(rows, device: residual.device);
                    part = batch.Select(residual.index_select(0, chosen), rows);
                }
            }
            Tensor values, found;
            if (Stage(i) is VectorQuantizer stage)
            {
                var given = path?.narrow(1, i, 1).reshape(-1);
                if (given is not null && chosen is not null) given = given.index_select(0, chosen);
                var choice = stage.Choose(part.Rows, given);
                terms.AddRange(stage.Terms(choice).Select(term => term with { Name = $"{term.Name}.{i}" }));
                teach.Add((stage, choice, i));
                (values, found) = (choice.Codes.detach(), choice.Indices);
            }
            else
            {
                var result = Stage(i).QuantizeRows(part);
                terms.AddRange(result.Terms.Select(term => term with { Name = $"{term.Name}.{i}" }));
                restarted += result.Restarted;
                warnings.AddRange(result.Warnings.Select(w => $"Stage {i}: {w}"));
                (values, found) = (result.Values.detach(), result.Indices.reshape(-1));
            }
            if (chosen is null)
            {
                indices.select(1, i).copy_(found);
            }
            else
            {
                indices.select(1, i).index_copy_(0, chosen, found);
                values = zeros_like(total).index_copy_(0, chosen, values);
            }
            residual = residual - values;
            total = total + values;
        }
        // After all stages have read: with a shared codebook a stage must not see what an earlier one has just taught.
        foreach (var (stage, choice, number) in teach)
        {
            restarted += stage.Learn(choice, out var warning);
            if (warning is not null) warnings.Add($"Stage {number}: {warning}");
        }
        var output = _options.Stage.Estimator == GradientEstimator.Rotation ? RotationTrick.Apply(batch.Rows, total) : StraightThrough.Apply(batch.Rows, total);
        return new RowResult(output, indices, terms) { Restarted = restarted, Warnings = warnings };
    }

    internal override Tensor DecodeRows(Tensor indices)
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

    private Tensor? BeamPath(Tensor rows)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var residual = rows.detach();
        if (training)
        {
            // K-means start of the stages, each on the greedy residual of those before.
            for (var i = 0; i < _stageCount; i++)
            {
                var choice = ((VectorQuantizer)Stage(i)).Choose(residual);
                residual = residual - choice.Codes;
            }
        }
        var codebooks = Enumerable.Range(0, _stageCount).Select(i => ((VectorQuantizer)Stage(i)).Codebook.EffectiveCodes().detach()).ToArray();
        return ResidualBeam.Search(rows.detach(), codebooks, _options.BeamWidth).MoveToOuterDisposeScope();
    }
}
