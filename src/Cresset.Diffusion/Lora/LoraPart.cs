namespace Cresset.Diffusion;

/// <summary>The networks of Stable Diffusion 3 that a LoRA may change.</summary>
public enum LoraPart
{
    /// <summary>The transformer.</summary>
    Transformer,

    /// <summary>The first text encoder, CLIP-L.</summary>
    ClipL,

    /// <summary>The second text encoder, CLIP-G.</summary>
    ClipG,

    /// <summary>The third text encoder, T5.</summary>
    T5,
}
