using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Training;

/// <summary>
/// libtorch's global random streams, from which dropout draws. The processor's is saved and put back. A GPU's cannot be read through
/// TorchSharp, so it is set anew from seed and step before each step: then nothing needs to be saved, and an evaluation in between changes
/// nothing.
/// </summary>
internal sealed class GlobalStreams : IDisposable
{
    private readonly Tensor _processor = get_rng_state().DetachFromDisposeScope();

    /// <summary>Sets a GPU's stream for a part of a step; the processor's goes on.</summary>
    public static void Begin(Device device, ulong seed, int step, int part = 0)
    {
        if (device.type != DeviceType.CUDA) return;
        // SplitMix64's finaliser: neighbouring steps get unrelated streams.
        var mixed = unchecked(seed + (0x9e3779b97f4a7c15UL * ((ulong)step + 1)) + (0xd1b54a32d192ed03UL * (ulong)part));
        mixed = unchecked((mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9UL);
        mixed = unchecked((mixed ^ (mixed >> 27)) * 0x94d049bb133111ebUL);
        cuda.manual_seed(unchecked((long)(mixed ^ (mixed >> 31))));
    }

    /// <summary>Puts the processor's stream back to where it stood.</summary>
    public void Restore() => RandomState.Restore(_processor);

    public void Dispose() => _processor.Dispose();
}
