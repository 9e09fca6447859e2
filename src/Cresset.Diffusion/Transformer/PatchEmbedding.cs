using Cresset.Nn;
using Cresset.Tensors;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>Cuts a latent into patches, embeds them and adds positions cut from the centre of a square table.</summary>
internal sealed class PatchEmbedding : WeightLayer
{
    private readonly long _patch;
    private readonly long _table;

    [ComponentName(Name = "proj")]
    private readonly SquareConvolution _projection;

    [ComponentName(Name = "pos_embed")]
    private Tensor? _positions;

    public PatchEmbedding(MmDitOptions options, WeightPlace place, bool hasPositions = true, int extraChannels = 0)
        : base(nameof(PatchEmbedding))
    {
        (_patch, _table) = (options.PatchSize, options.PositionTableSize);
        _projection = new SquareConvolution(options.InChannels + extraChannels, options.Width, _patch, place, stride: _patch);
        // A checkpoint brings its own table; without memory only its shape matters.
        _positions = !hasPositions ? null : place.IsUnallocated
            ? empty([1, _table * _table, options.Width], dtype: place.Dtype, device: META)
            : SinusoidTable(_table, options.Width, _table / ((double)options.SampleSize / options.PatchSize))
                .to(place.Dtype, place.Device ?? CPU).DetachFromDisposeScope();
        RegisterComponents();
    }

    public Tensor Kernel => _projection.Weight;

    public Tensor? KernelBias => _projection.Bias;

    /// <summary>[N, C, H, W] to [N, H/p * W/p, D].</summary>
    public override Tensor forward(Tensor input)
    {
        long rows = input.size(2) / _patch, columns = input.size(3) / _patch;
        if (_positions is not null && (rows > _table || columns > _table))
            throw Shape.Wrong(input, $"at most {_table * _patch} latent pixels per side",
                "The position table of this checkpoint ends there.");
        using var scope = NewDisposeScope();
        var tokens = _projection.call(input).flatten(2).transpose(1, 2);
        if (_positions is null) return tokens.MoveToOuterDisposeScope();
        var square = _positions.view(_table, _table, -1);
        var positions = square.narrow(0, (_table - rows) / 2, rows).narrow(1, (_table - columns) / 2, columns)
            .reshape(1, rows * columns, -1);
        return tokens.add(positions.to(tokens.dtype)).MoveToOuterDisposeScope();
    }

    internal override void Assign(string name, Tensor value)
    {
        if (name != "pos_embed" || _positions is null) throw NoSuchWeight(name);
        if (!value.shape.SequenceEqual(_positions.shape))
            throw new ShapeException($"pos_embed has shape {Shape.Text(_positions)}; the new value has {Shape.Text(value)}.");
        _positions.Dispose();
        _positions = value.DetachFromDisposeScope();
        ConditionallyRegisterBuffer(name, _positions, true);
    }

    /// <summary>[1, side², width]: sine and cosine of the column in the first half, of the row in the second.</summary>
    internal static Tensor SinusoidTable(long side, long width, double scale)
    {
        using var scope = NewDisposeScope();
        var quarter = width / 4;
        var omega = pow(10000.0, arange(quarter, ScalarType.Float64).div(-(double)quarter));
        var angles = outer(arange(side, ScalarType.Float64).div(scale), omega);
        var one = cat([angles.sin(), angles.cos()], 1);
        var column = one.unsqueeze(0).expand(side, side, width / 2);
        var row = one.unsqueeze(1).expand(side, side, width / 2);
        return cat([column, row], 2).reshape(1, side * side, width).to(ScalarType.Float32).MoveToOuterDisposeScope();
    }
}
