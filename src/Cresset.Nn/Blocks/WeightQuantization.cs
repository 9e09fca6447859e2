using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>Weight-only quantization of a network for inference on little memory.</summary>
public static class WeightQuantization
{
    /// <summary>
    /// Stores the matrices of all linear maps of at least <paramref name="smallest"/> elements in 8 bits, one scale per row (symmetric, by
    /// the largest magnitude). Activations keep their type. Cannot be undone.
    /// </summary>
    public static void ToEightBits(nn.Module module, long smallest = 256)
    {
        ArgumentNullException.ThrowIfNull(module);
        foreach (var (_, child) in module.named_modules())
        {
            if (child is Projection projection && projection.Weight.numel() >= smallest) projection.Quantize();
        }
    }
}
