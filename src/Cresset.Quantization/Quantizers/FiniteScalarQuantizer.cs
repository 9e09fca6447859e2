using Cresset.Numerics;
using TorchSharp;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>
/// Rounds each number of a vector to a few levels (FSQ). No parameters, no auxiliary loss; indices are 64-bit and no table of codes is ever
/// made.
/// </summary>
public sealed class FiniteScalarQuantizer : Quantizer
{
    // The paper stretches the bound a little so that the outermost levels can be reached by rounding.
    private const double Stretch = 1e-3;

    [ComponentName(Name = "stream")]
    private readonly CountedStream _stream;
    private readonly FiniteScalarQuantizerOptions _options;
    private readonly long[] _levels;
    private readonly long[] _basis;

    /// <summary>The generator seeds the dithering noise only (seed 0 when null).</summary>
    public FiniteScalarQuantizer(FiniteScalarQuantizerOptions options, Generator? generator = null)
        : base(nameof(FiniteScalarQuantizer))
    {
        _options = options.ThrowIfInvalid();
        _levels = [.. options.Levels.Select(level => (long)level)];
        _basis = new long[_levels.Length];
        var product = 1L;
        for (var i = 0; i < _levels.Length; i++)
        {
            _basis[i] = product;
            product = checked(product * _levels[i]);
        }
        CodebookSizes = [product];
        _stream = new CountedStream(generator);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override long Width => _levels.Length;

    /// <inheritdoc/>
    public override IReadOnlyList<long> CodebookSizes { get; }

    /// <summary>The level (0 to L - 1) of each number, int64 [..., D], of indices int64 [...] in range.</summary>
    public Tensor LevelIndices(Tensor indices)
    {
        using var scope = NewDisposeScope();
        var basis = tensor(_basis, device: indices.device);
        var levels = tensor(_levels, device: indices.device);
        return indices.unsqueeze(-1).div(basis, RoundingMode.floor).remainder(levels).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    protected internal override RowResult QuantizeRows(RowBatch batch)
    {
        var rows = batch.Rows;
        Tensor counts = tensor(_levels, device: rows.device), levels = counts.to(rows.dtype);
        Tensor level, scaled;
        if (_options.Symmetric)
        {
            var position = (levels - 1) * (rows.tanh() + 1) / 2;
            level = (position.detach() + 0.5).floor();
            var reached = Dither(position, level);
            scaled = (2 * reached / (levels - 1)) - 1;
        }
        else
        {
            var half = (levels - 1) * (1 + Stretch) / 2;
            var offset = where(counts.remainder(2) == 0, full_like(levels, 0.5), zeros_like(levels));
            var bounded = ((rows + (offset / half).atanh()).tanh() * half) - offset;
            var middle = counts.div(2, RoundingMode.floor);
            var rounded = bounded.detach().round();
            level = rounded + middle;
            scaled = StraightThrough.Apply(bounded, rounded) / middle;
        }
        // Summed in int64: float32 sums lose indices beyond 2^24.
        var indices = (level.to(ScalarType.Int64).clamp(0, null).minimum(counts - 1) * tensor(_basis, device: rows.device)).sum(1,
            keepdim: true);
        return new RowResult(scaled, indices, []);
    }

    /// <inheritdoc/>
    protected internal override Tensor DecodeRows(Tensor indices)
    {
        using var scope = NewDisposeScope();
        var flat = indices.reshape(-1);
        var level = LevelIndices(flat.clamp_min(0)).to(ScalarType.Float32);
        var counts = tensor(_levels, device: indices.device);
        var levels = counts.to(ScalarType.Float32);
        var middle = counts.div(2, RoundingMode.floor);
        var values = _options.Symmetric ? (2 * level / (levels - 1)) - 1 : (level - middle) / middle;
        return values.masked_fill((flat < 0).unsqueeze(1), 0).MoveToOuterDisposeScope();
    }

    private Tensor Dither(Tensor position, Tensor level)
    {
        var rounded = StraightThrough.Apply(position, level);
        if (!training || _options.NoiseShare == 0) return rounded;
        using var generator = _stream.NextGenerator();
        // Drawn in main memory: a generator belongs to one device.
        var noise = rand(position.shape, dtype: position.dtype, generator: generator).to(position.device) - 0.5;
        var noisy = rand([position.size(0), 1], dtype: position.dtype, generator: generator).to(position.device) < _options.NoiseShare;
        return where(noisy, position + noise, rounded);
    }
}
