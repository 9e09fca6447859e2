using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>
/// Generates a batch of code maps in raster order: ask for the logits of the next position, then say which codes were chosen.
/// </summary>
public abstract class CodeSession : IDisposable
{
    private bool _asked;

    /// <summary>Starts before the first position.</summary>
    private protected CodeSession(CodePrior prior, long batch, long height, long width) =>
        (CodebookSize, Batch, Height, Width) = (prior.CodebookSize, batch, height, width);

    /// <summary>Codes a position chooses from, K.</summary>
    public int CodebookSize { get; }

    /// <summary>Maps.</summary>
    public long Batch { get; }

    /// <summary>Rows.</summary>
    public long Height { get; }

    /// <summary>Columns.</summary>
    public long Width { get; }

    /// <summary>Codes chosen so far in each map.</summary>
    public long Position { get; private set; }

    /// <summary>Logits [B, K] of the next position's code. Belongs to the caller's scope.</summary>
    /// <exception cref="InvalidOperationException">The maps are complete, or the codes of the last logits were not given yet.</exception>
    public Tensor Next()
    {
        if (Position == Height * Width) throw new InvalidOperationException($"All {Position} positions have been generated.");
        if (_asked) throw new InvalidOperationException("The codes of the last logits were not given: call Accept first.");
        _asked = true;
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return Compute().MoveToOuterDisposeScope();
    }

    /// <summary>Takes the codes [B] chosen for the position.</summary>
    public void Accept(ReadOnlySpan<long> codes)
    {
        if (!_asked) throw new InvalidOperationException("Ask for the logits (Next) before giving codes.");
        if (codes.Length != Batch) throw new ArgumentException($"{codes.Length} codes; expected one a map, {Batch}.", nameof(codes));
        for (var b = 0; b < codes.Length; b++)
        {
            if (codes[b] < 0 || codes[b] >= CodebookSize)
                throw new ArgumentException(
                    $"Code {codes[b]} of map {b} at position {Position} is out of range; allowed: 0 to {CodebookSize - 1}.", nameof(codes));
        }
        _asked = false;
        using var noGrad = no_grad();
        Store(codes);
        Position++;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Logits of <see cref="Position"/>.</summary>
    private protected abstract Tensor Compute();

    /// <summary>Remembers the codes of <see cref="Position"/>.</summary>
    private protected abstract void Store(ReadOnlySpan<long> codes);

    /// <summary>Frees the caches.</summary>
    private protected abstract void Dispose(bool disposing);
}

/// <summary>Runs the whole model for every position.</summary>
internal sealed class FullPassSession : CodeSession
{
    private readonly CodePrior _prior;
    private readonly Tensor _codes;
    private readonly Tensor? _condition;
    private readonly Device _device;

    public FullPassSession(CodePrior prior, long batch, long height, long width, Tensor? condition)
        : base(prior, batch, height, width)
    {
        _prior = prior;
        _condition = condition?.alias().DetachFromDisposeScope();
        _codes = zeros(batch, height, width, dtype: ScalarType.Int64).DetachFromDisposeScope();
        _device = prior.parameters().First().device;
    }

    private protected override Tensor Compute() =>
        _prior.call(_codes.to(_device), _condition?.to(_device)).select(3, Position % Width).select(2, Position / Width);

    private protected override void Store(ReadOnlySpan<long> codes)
    {
        var all = TensorSpans.Of<long>(_codes);
        for (var b = 0; b < codes.Length; b++) all[(int)((b * Height * Width) + Position)] = codes[b];
    }

    private protected override void Dispose(bool disposing)
    {
        _codes.Dispose();
        _condition?.Dispose();
    }
}
