using static TorchSharp.torch;

namespace Cresset.Tensors;

/// <summary>
/// A layer whose initial weights follow a rule of its own. <see cref="Initialize.Reset"/> on it, or on a module that contains it, lets it
/// apply that rule after the general draw.
/// </summary>
public interface IOwnInitialization
{
    /// <summary>Sets the weights that have a special start.</summary>
    /// <param name="generator">Draws them; null uses TorchSharp's global one.</param>
    void DrawWeights(Generator? generator);
}
