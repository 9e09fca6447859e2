namespace Cresset.Tensors;

/// <summary>A tensor has another shape than the operation takes. The message names the tensor and shows both shapes.</summary>
public sealed class ShapeException : ArgumentException
{
    /// <summary>Makes the exception from a finished message.</summary>
    public ShapeException(string message)
        : base(message)
    {
    }
}
