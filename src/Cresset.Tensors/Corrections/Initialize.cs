using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Tensors;

/// <summary>
/// Weight initialisers that take an explicit generator. They replace TorchSharp 0.107's <c>init</c> functions, which have none, and of
/// which <c>trunc_normal_</c> (mean and deviation swapped) and <c>xavier_normal_</c> (draws uniformly) are wrong.
/// All change the tensor in place without recording a gradient and return it.
/// </summary>
public static class Initialize
{
    /// <summary>Normal with the given mean and deviation.</summary>
    public static Tensor Normal(Tensor tensor, double mean = 0, double std = 1, Generator? generator = null)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        tensor.copy_(randn(tensor.shape, dtype: tensor.dtype, generator: generator).mul_(std).add_(mean));
        return tensor;
    }

    /// <summary>Uniform in [<paramref name="low"/>, <paramref name="high"/>).</summary>
    public static Tensor Uniform(Tensor tensor, double low = 0, double high = 1, Generator? generator = null)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        tensor.copy_(rand(tensor.shape, dtype: tensor.dtype, generator: generator).mul_(high - low).add_(low));
        return tensor;
    }

    /// <summary>
    /// Normal cut to [<paramref name="low"/>, <paramref name="high"/>] (values, not deviations), by inverting the distribution function.
    /// </summary>
    public static Tensor TruncatedNormal(Tensor tensor, double mean = 0, double std = 1, double low = -2, double high = 2,
        Generator? generator = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(std);
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        static double Cdf(double x) => (1 + special.erf(torch.tensor(x / Math.Sqrt(2))).item<double>()) / 2;
        double from = (2 * Cdf((low - mean) / std)) - 1, to = (2 * Cdf((high - mean) / std)) - 1;
        var u = rand(tensor.shape, dtype: tensor.dtype, generator: generator).mul_(to - from).add_(from);
        tensor.copy_(u.erfinv().mul_(std * Math.Sqrt(2)).add_(mean).clamp_(low, high));
        return tensor;
    }

    /// <summary>Glorot and Bengio 2010, normal: std = gain * sqrt(2 / (fanIn + fanOut)).</summary>
    public static Tensor XavierNormal(Tensor tensor, double gain = 1, Generator? generator = null)
    {
        var (fanIn, fanOut) = Fans(tensor);
        return Normal(tensor, 0, gain * Math.Sqrt(2.0 / (fanIn + fanOut)), generator);
    }

    /// <summary>Glorot and Bengio 2010, uniform: bound = gain * sqrt(6 / (fanIn + fanOut)).</summary>
    public static Tensor XavierUniform(Tensor tensor, double gain = 1, Generator? generator = null)
    {
        var (fanIn, fanOut) = Fans(tensor);
        var bound = gain * Math.Sqrt(6.0 / (fanIn + fanOut));
        return Uniform(tensor, -bound, bound, generator);
    }

    /// <summary>He et al. 2015, normal: std = gain / sqrt(fanIn).</summary>
    public static Tensor KaimingNormal(Tensor tensor, double gain = 1.4142135623730951, Generator? generator = null)
        => Normal(tensor, 0, gain / Math.Sqrt(Fans(tensor).In), generator);

    /// <summary>He et al. 2015, uniform: bound = gain * sqrt(3 / fanIn). PyTorch's layers use gain = sqrt(1/3).</summary>
    public static Tensor KaimingUniform(Tensor tensor, double gain = 1.4142135623730951, Generator? generator = null)
    {
        var bound = gain * Math.Sqrt(3.0 / Fans(tensor).In);
        return Uniform(tensor, -bound, bound, generator);
    }

    /// <summary>
    /// Draws every parameter of a module anew from the generator as PyTorch's layers do: weights of two and more dimensions and the biases
    /// beside them uniform in ±1/sqrt(fanIn); vectors without a matrix beside them (norms) are left alone.
    /// Layers with a start of their own (<see cref="IOwnInitialization"/>) then apply it.
    /// </summary>
    public static void Reset(nn.Module module, Generator generator)
    {
        var bounds = new Dictionary<string, double>();
        var parameters = module.named_parameters().ToList();
        foreach (var (name, parameter) in parameters)
        {
            if (parameter.dim() < 2) continue;
            var bound = 1 / Math.Sqrt(Fans(parameter).In);
            Uniform(parameter, -bound, bound, generator);
            bounds[Owner(name)] = bound;
        }
        foreach (var (name, parameter) in parameters)
        {
            if (parameter.dim() < 2 && name.EndsWith("bias", StringComparison.Ordinal) && bounds.TryGetValue(Owner(name), out var bound))
                Uniform(parameter, -bound, bound, generator);
        }
        // TorchSharp's modules() lists what is inside a module, not the module itself.
        foreach (var own in module.modules().Append(module).Distinct().OfType<IOwnInitialization>()) own.DrawWeights(generator);
    }

    private static string Owner(string name) => name.LastIndexOf('.') is var dot && dot < 0 ? "" : name[..dot];

    private static (long In, long Out) Fans(Tensor tensor)
    {
        if (tensor.dim() < 2)
            throw new ShapeException($"Initialize: fans need two or more dimensions; the tensor has shape {Shape.Text(tensor)}.");
        var field = 1L;
        for (var i = 2; i < tensor.dim(); i++) field *= tensor.size(i);
        return (tensor.size(1) * field, tensor.size(0) * field);
    }
}
