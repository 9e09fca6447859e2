using Cresset.Numerics;
using TorchSharp;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Quantization;

/// <summary>
/// Randomness that belongs to a module's state: a seed and the number of draws so far, both in a buffer, so that a run resumed from a
/// checkpoint draws what it would have drawn.
/// </summary>
internal sealed class CountedStream : nn.Module
{
    [ComponentName(Name = "state")]
    private readonly Tensor _state;

    public CountedStream(Generator? generator)
        : base(nameof(CountedStream))
    {
        using var scope = NewDisposeScope();
        var seed = generator is null ? 0L : randint(0, long.MaxValue, [1], dtype: ScalarType.Int64, generator: generator).ToInt64();
        _state = tensor(new[] { seed, 0L }).DetachFromDisposeScope();
        RegisterComponents();
    }

    /// <summary>The next independent stream.</summary>
    public SplitMix64 Next()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var state = TensorSpans.Of<long>(_state.cpu());
        var stream = SplitMix64.ForIndex((ulong)state[0], (ulong)state[1]);
        _state[1].add_(1);
        return stream;
    }

    /// <summary>The next independent torch generator.</summary>
    public Generator NextGenerator() => new(Next().Next() >> 1);
}
