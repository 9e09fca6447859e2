namespace Cresset.Diffusion;

/// <summary>A layer that an adapter changes.</summary>
/// <param name="Part">The network.</param>
/// <param name="Target">Key of the layer, without ".weight", in the folder layout.</param>
/// <param name="Kind">LoRA, DoRA, LoKr or LoHa.</param>
/// <param name="Rank">The inner rank; 0 for a Kronecker product of two whole matrices.</param>
/// <param name="Alpha">alpha, which is divided by the rank.</param>
/// <param name="Inputs">Columns of the weight.</param>
/// <param name="Outputs">Rows of the weight.</param>
/// <param name="Parameters">Numbers in the file.</param>
public sealed record AdapterLayer(LoraPart Part, string Target, string Kind, long Rank, double Alpha, long Inputs, long Outputs,
    long Parameters);
