using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>A network whose parameters for a value depend on the values before it in an order.</summary>
internal interface IAutoregressiveNetwork
{
    /// <summary>Number of values.</summary>
    int Count { get; }

    /// <summary>Finds values one position after the other.</summary>
    /// <param name="count">Number of samples.</param>
    /// <param name="context">Context [N, C].</param>
    /// <param name="like">Gives type and device.</param>
    /// <param name="next">Makes the values of some columns from their raw parameters [N, columns, P].</param>
    Tensor Generate(long count, Tensor? context, Tensor like, Func<int[], Tensor, Tensor> next);
}
