using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// Leaky ReLU whose slope is drawn for each value from [lower, upper] in training and is their mean in evaluation. Xu et al.
/// 2015. TorchSharp 0.107's own never draws.
/// </summary>
public sealed class RandomizedLeakyRelu : nn.Module<Tensor, Tensor>
{
    private readonly double _lower;
    private readonly double _upper;
    private readonly Generator? _generator;

    /// <summary>Builds the layer.</summary>
    /// <param name="lower">Smallest slope.</param>
    /// <param name="upper">Largest slope.</param>
    /// <param name="generator">Where the slopes come from; null uses TorchSharp's global one.</param>
    /// <exception cref="ArgumentException">lower is above upper.</exception>
    public RandomizedLeakyRelu(double lower = 1.0 / 8, double upper = 1.0 / 3, Generator? generator = null)
        : base(nameof(RandomizedLeakyRelu))
    {
        if (!(lower <= upper))
            throw new ArgumentException($"RandomizedLeakyRelu: lower is {lower} and upper is {upper}; lower must not be above upper.",
                nameof(lower));
        (_lower, _upper, _generator) = (lower, upper, generator);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        if (!training) return Activations.LeakyRelu(input, (_lower + _upper) / 2);
        using var scope = NewDisposeScope();
        var slope = rand(input.shape, dtype: input.dtype, generator: _generator).to(input.device) * (_upper - _lower) + _lower;
        return where(input.gt(0), input, input * slope).MoveToOuterDisposeScope();
    }
}
