namespace Cresset.Diffusion;

/// <summary>Strengths of a LoRA in the networks it changes. 0 leaves a network out: then it need not even be there.</summary>
/// <param name="Transformer">Strength in the transformer.</param>
/// <param name="ClipL">Strength in CLIP-L.</param>
/// <param name="ClipG">Strength in CLIP-G.</param>
/// <param name="T5">Strength in T5.</param>
public sealed record LoraScales(double Transformer = 1, double ClipL = 1, double ClipG = 1, double T5 = 1)
{
    /// <summary>The strength in one network.</summary>
    public double Of(LoraPart part) => part switch
    {
        LoraPart.Transformer => Transformer,
        LoraPart.ClipL => ClipL,
        LoraPart.ClipG => ClipG,
        LoraPart.T5 => T5,
        _ => throw new ArgumentOutOfRangeException(nameof(part), part, "No such network."),
    };
}
