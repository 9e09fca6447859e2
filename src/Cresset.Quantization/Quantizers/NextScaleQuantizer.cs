using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>
/// Codes a map in maps of growing sides (Tian et al. 2024, arXiv:2404.02905, algorithms 1 and 2): what is left is brought down to a scale
/// by the mean over areas, each vector there takes the nearest code, the codes are brought up by cubic interpolation and smoothed, and what
/// they add up to is taken off before the next scale.
/// </summary>
/// <remarks>
/// Takes whole maps, see <see cref="Scales"/>; the indices of a map are one list, the coarsest scale first. State-dict keys:
/// <c>_codebook</c>, <c>phi</c>.
/// </remarks>
public sealed class NextScaleQuantizer : Quantizer
{
    [ComponentName(Name = "_codebook")]
    private readonly Codebook _codebook;
    [ComponentName(Name = "phi")]
    private readonly ModuleList<Conv2d> _smoothing = [];
    private readonly NextScaleQuantizerOptions _options;
    private readonly ScaleGrid _grid;
    private readonly CollapseWatch _watch;

    /// <summary>Draws the first codes from the generator (seed 0 when null).</summary>
    public NextScaleQuantizer(NextScaleQuantizerOptions options, Generator? generator = null)
        : base(nameof(NextScaleQuantizer))
    {
        _options = options.ThrowIfInvalid();
        _grid = new ScaleGrid(options.Scales);
        _codebook = new Codebook(options.Codebook, generator);
        _watch = new CollapseWatch(options.Codebook.Size, options.Codebook.RestartShare);
        for (var i = 0; i < Math.Min(options.Convolutions, options.Scales.Count); i++) _smoothing.Add(Identity(options.Codebook.Width));
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override long Width => _options.Codebook.Width;

    /// <inheritdoc/>
    public override IReadOnlyList<long> CodebookSizes => [_options.Codebook.Size];

    /// <inheritdoc/>
    public override IReadOnlyList<int> Scales => _grid.Scales;

    /// <summary>The codes of all scales and their statistics.</summary>
    public Codebook Codebook => _codebook;

    /// <inheritdoc/>
    protected internal override RowResult QuantizeRows(RowBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        var maps = batch.Rows.reshape(batch.SampleCount, _grid.Places, Width);
        if (training && _codebook.AwaitsVectors) Start(maps.detach());
        var byGradient = _options.Codebook.Learning == CodebookLearning.Gradient;
        // A restart will write into the codes before the backward pass, which must still see what was read here.
        var table = _codebook.EffectiveCodes(maps.dtype, copied: training && _codebook.ChangesInForward && byGradient);
        var walk = Walk(maps.detach(), table, null);
        var count = _grid.Scales.Count;
        var terms = new List<LossTerm>();
        for (var k = 0; k < count; k++)
            terms.Add(new($"commitment.{k}", SquaredDifference.Mean(maps, walk.Sums[k]), _options.CommitmentWeight / count));
        for (var k = 0; k < count && (byGradient || _smoothing.Count > 0); k++)
            terms.Add(new($"codebook.{k}", nn.functional.mse_loss(walk.Sums[k], maps.detach()), _options.CodebookWeight / count));
        var total = walk.Sums[^1].detach().reshape(batch.Rows.shape);
        var values = _options.Estimator == GradientEstimator.Rotation ? RotationTrick.Apply(batch.Rows, total)
            : StraightThrough.Apply(batch.Rows, total);
        return new RowResult(values, Joined(walk.Indices, batch.SampleCount), terms) { Learn = training ? () => Learn(walk) : null };
    }

    /// <inheritdoc/>
    protected internal override Tensor DecodeRows(Tensor indices)
    {
        ArgumentNullException.ThrowIfNull(indices);
        using var scope = NewDisposeScope();
        var table = _codebook.EffectiveCodes(_codebook.Codes.dtype);
        Tensor? total = null;
        for (var k = 0; k < _grid.Scales.Count; k++)
        {
            var codes = CodeLookup.Values(table, Of(indices, k).reshape(-1)).reshape(indices.size(0), -1, Width);
            var part = Smooth(_grid.Up(codes, k), k);
            total = total is null ? part : total + part;
        }
        return total!.reshape(-1, Width).MoveToOuterDisposeScope();
    }

    internal override Tensor CrossEntropyOfRows(Tensor rows, Tensor indices)
    {
        var table = _codebook.EffectiveCodes(rows.dtype, copied: true);
        var walk = Walk(rows.reshape(indices.size(0), _grid.Places, Width), table, indices);
        var logits = Likeness(_codebook.Compared(cat([.. walk.Vectors])), _codebook.Compared(table), _codebook.Metric);
        return nn.functional.cross_entropy(logits, cat([.. walk.Indices]), ignore_index: -1);
    }

    /// <summary>
    /// Scale by scale over maps [N, places, D]: the vectors [N s², D] that chose, their codes int64 [N s²], and the sum [N, places, D] so
    /// far, with gradient to codes and convolutions. Given indices [N, L] are taken as they are.
    /// </summary>
    private (List<Tensor> Vectors, List<Tensor> Indices, List<Tensor> Sums) Walk(Tensor maps, Tensor table, Tensor? given)
    {
        List<Tensor> vectors = [], indices = [], sums = [];
        var (rest, compared) = (maps, _codebook.Compared(table).detach());
        for (var k = 0; k < _grid.Scales.Count; k++)
        {
            var rows = _grid.Down(rest, k).reshape(-1, Width);
            var chosen = given is null ? CodeSearch.Nearest(_codebook.Compared(rows), compared, _codebook.Metric)
                : Of(given, k).reshape(-1);
            var codes = given is null ? table.index_select(0, chosen) : CodeLookup.Values(table, chosen);
            var part = Smooth(_grid.Up(codes.reshape(maps.size(0), -1, Width), k), k);
            vectors.Add(rows);
            indices.Add(chosen);
            sums.Add(k == 0 ? part : sums[^1] + part);
            rest = rest - part.detach();
        }
        return (vectors, indices, sums);
    }

    // The codes begin among what the scales would leave if each were coded without error.
    private void Start(Tensor maps)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        var vectors = new List<Tensor>();
        var rest = maps;
        for (var k = 0; k < _grid.Scales.Count; k++)
        {
            var part = _grid.Down(rest, k);
            vectors.Add(part.reshape(-1, Width));
            rest = rest - _grid.Up(part, k);
        }
        _codebook.InitializeFrom(cat([.. vectors]));
    }

    private LearnedCodes Learn((List<Tensor> Vectors, List<Tensor> Indices, List<Tensor> Sums) walk)
    {
        using var scope = NewDisposeScope();
        var indices = cat([.. walk.Indices]);
        var restarted = _codebook.Update(cat([.. walk.Vectors]), indices);
        return new(restarted, _watch.Observe(TensorSpans.Of<long>(indices.cpu().contiguous()), restarted) is { } warning ? [warning] : []);
    }

    /// <summary>(1 - r) x + r conv(x) for maps [N, places, D] brought up from a scale.</summary>
    private Tensor Smooth(Tensor maps, int scale)
    {
        if (_smoothing.Count == 0) return maps;
        var weight = _smoothing[scale * _smoothing.Count / _grid.Scales.Count].weight!.to(maps.dtype);
        var planes = maps.transpose(1, 2).reshape(maps.size(0), Width, _grid.Side, _grid.Side);
        var smooth = nn.functional.conv2d(planes, weight, padding: [1, 1]).flatten(2).transpose(1, 2);
        return (maps * (1 - _options.ConvolutionShare)) + (smooth * _options.ConvolutionShare);
    }

    private Tensor Of(Tensor indices, int scale) =>
        indices.narrow(1, _grid.Starts[scale], _grid.Starts[scale + 1] - _grid.Starts[scale]);

    private static Tensor Joined(List<Tensor> indices, int maps) => cat([.. indices.Select(i => i.reshape(maps, -1))], 1);

    private static Conv2d Identity(long width)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        // Without a bias: where there is no code there is nothing.
        var convolution = nn.Conv2d(width, width, 3, padding: 1, bias: false);
        convolution.weight!.zero_();
        convolution.weight.select(3, 1).select(2, 1).copy_(eye(width));
        return convolution;
    }
}
