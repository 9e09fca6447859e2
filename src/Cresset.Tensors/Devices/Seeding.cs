using System.Text;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Tensors;

/// <summary>One seed for everything: libtorch's global stream (initial weights, dropout) and named streams of their own.</summary>
public static class Seeding
{
    /// <summary>Seeds libtorch's global stream. Call it before the module is made.</summary>
    public static void Apply(ulong seed)
    {
        using var generator = manual_seed(unchecked((long)seed));
    }

    /// <summary>A stream that depends on the seed and its purpose alone.</summary>
    public static Generator Generator(ulong seed, string purpose)
    {
        // FNV-1a: stable across processes and versions, unlike string.GetHashCode.
        var hash = 14695981039346656037UL;
        foreach (var b in Encoding.UTF8.GetBytes(purpose)) hash = unchecked((hash ^ b) * 1099511628211UL);
        return new Generator(unchecked((seed * 0x9e3779b97f4a7c15UL) ^ hash));
    }
}
