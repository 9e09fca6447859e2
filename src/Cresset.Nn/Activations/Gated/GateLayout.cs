namespace Cresset.Nn;

/// <summary>Where the gate stands in a packed tensor or weight of twice the hidden width.</summary>
public enum GateLayout
{
    /// <summary>First half is the gate: LLaMA, Phi-3 ("gate_up_proj").</summary>
    GateFirst,

    /// <summary>Second half is the gate: PyTorch's <c>glu</c>, x-transformers, diffusers' GEGLU.</summary>
    GateLast,

    /// <summary>Gate and value alternate, gate at even places: gpt-oss.</summary>
    Interleaved,
}
