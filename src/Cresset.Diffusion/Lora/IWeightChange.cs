using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>What an adapter adds to one layer, whatever form the file keeps it in.</summary>
internal interface IWeightChange : IDisposable
{
    LoraPart Part { get; }

    string Target { get; }

    /// <summary>The form, for people: LoRA, DoRA, LoKr, LoHa.</summary>
    string Kind { get; }

    long Rank { get; }

    double Alpha { get; }

    /// <summary>Rows of the weight.</summary>
    long Outputs { get; }

    /// <summary>Columns of the weight; in * k * k for a convolution.</summary>
    long Inputs { get; }

    /// <summary>Numbers in the file.</summary>
    long Parameters { get; }

    /// <summary>New lengths of rows [out, 1] or columns [1, in] (DoRA), or null.</summary>
    Tensor? Magnitude { get; }

    /// <summary>What strength 1 adds, [out, in] in single precision, before any magnitude; the caller disposes it.</summary>
    Tensor Delta();
}
