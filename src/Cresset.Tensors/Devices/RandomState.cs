using System.Buffers.Binary;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Tensors;

/// <summary>
/// Puts random streams back to a saved place. TorchSharp 0.107's own calls end the process where the saved bytes are not those of a stream.
/// </summary>
public static class RandomState
{
    // libtorch's layout of the Mersenne twister: seed (8 bytes), numbers left (4), seeded (4), next (8), 624 words of 8 bytes.
    private const int Left = 8, Seeded = 12, Next = 16, Words = 624;

    /// <summary>Sets libtorch's global stream of the processor.</summary>
    /// <param name="state">What <c>get_rng_state()</c> gave, in main memory.</param>
    /// <exception cref="ArgumentException">Not the state of a stream.</exception>
    public static void Restore(Tensor state)
    {
        using var expected = get_rng_state();
        Check(state, expected);
#pragma warning disable RS0030 // checked above
        set_rng_state(state);
#pragma warning restore RS0030
    }

    /// <summary>Sets a stream.</summary>
    /// <param name="generator">A stream of the processor.</param>
    /// <param name="state">What <c>get_state()</c> gave, in main memory.</param>
    /// <exception cref="ArgumentException">Not the state of a stream.</exception>
    public static void Restore(this Generator generator, Tensor state)
    {
        ArgumentNullException.ThrowIfNull(generator);
        using var expected = generator.get_state();
        Check(state, expected);
#pragma warning disable RS0030 // checked above
        generator.set_state(state);
#pragma warning restore RS0030
    }

    private static void Check(Tensor state, Tensor expected)
    {
        ArgumentNullException.ThrowIfNull(state);
        using var view = TensorView.IsDense<byte>(state) ? TensorView.Dense<byte>(state)
            : throw Refused($"it is {state.dtype} on {state.device_type}");
        if (view.Count != expected.numel()) throw Refused($"it has {view.Count} bytes");
        ReadOnlySpan<byte> bytes = view.Span;
        var (left, seeded, next) = (BinaryPrimitives.ReadInt32LittleEndian(bytes[Left..]),
            BinaryPrimitives.ReadInt32LittleEndian(bytes[Seeded..]), BinaryPrimitives.ReadUInt64LittleEndian(bytes[Next..]));
        if (seeded != 1 || left is < 1 or > Words || next > Words) throw Refused("its numbers are not those of a Mersenne twister");

        ArgumentException Refused(string why) =>
            new($"The saved random state is not one of libtorch's ({expected.numel()} bytes in main memory): {why}.", nameof(state));
    }
}
