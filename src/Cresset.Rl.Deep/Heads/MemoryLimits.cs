using static TorchSharp.torch;

namespace Cresset.Rl.Deep;

/// <summary>What does not go together with a memory.</summary>
internal static class MemoryLimits
{
    public const string BehindConvolutions =
        "behind convolutions a memory does not repeat bit for bit; stack frames instead (wrappers: frame-stack)";

    /// <exception cref="ArgumentException">There is a memory, and an encoder of the user's own.</exception>
    public static void RefuseOwnEncoder(int memory, Func<nn.Module<Tensor, Tensor>>? encoder)
    {
        if (memory > 0 && encoder is not null)
            throw new ArgumentException(
                "A memory reads observations as they are: agent.memory and an encoder of your own do not go together.", nameof(encoder));
    }
}
