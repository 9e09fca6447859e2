namespace Cresset.Onnx;

/// <summary>A size that may vary from call to call of the exported file.</summary>
/// <param name="Name">What it is called in the file: batch, height ...</param>
/// <param name="Axis">The dimension, from 0; negative ones count from the end.</param>
/// <param name="Inputs">Positions of the inputs that have it; none means all inputs.</param>
public sealed record DynamicAxis(string Name, int Axis, params IReadOnlyList<int> Inputs)
{
    /// <summary>The first dimension of every input.</summary>
    public static DynamicAxis Batch { get; } = new("batch", 0);

    internal IEnumerable<int> InputsOf(int count) => Inputs.Count == 0 ? Enumerable.Range(0, count) : Inputs;
}
