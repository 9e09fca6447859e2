using Cresset.Nn;
using Cresset.Optim;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Training;

/// <summary>
/// Turns the layers where the arithmetic is (linear maps, convolutions, and modules that handle it themselves) to bfloat16.
/// Each takes float32 inputs as bfloat16 and gives its result back as float32: norms, codebooks, losses and sums between layers stay in
/// float32.
/// </summary>
internal static class MixedPrecision
{
    public static void Apply(nn.Module network)
    {
        // A layer whose weights another one has too stays in float32: a change of type would part them.
        var tied = NamedParameter.Of(network).Where(p => p.Aliases.Any(a => !ReferenceEquals(a.Owner, p.Owner)))
            .SelectMany(p => p.Aliases.Prepend(p)).Select(p => p.Owner!).ToHashSet();
        Apply(network, tied);
    }

    private static void Apply(nn.Module network, HashSet<nn.Module> tied)
    {
        if (network is IComputesInWeightType)
        {
            network.to(ScalarType.BFloat16);
            return;
        }
        // Exact types only: a class derived from one of these may use its weights in its own way.
        if (network is Module<Tensor, Tensor> layer && IsPlain(network.GetType()) && !tied.Contains(network))
        {
            network.to(ScalarType.BFloat16);
            layer.register_forward_pre_hook((_, x) => x.dtype == ScalarType.Float32 ? x.to(ScalarType.BFloat16) : x);
            layer.register_forward_hook((_, _, y) => y.to(ScalarType.Float32));
        }
        foreach (var child in network.children()) Apply(child, tied);
    }

    private static bool IsPlain(Type type)
        => type == typeof(Projection) || type == typeof(SquareConvolution) || type == typeof(Linear) || type == typeof(Conv1d)
            || type == typeof(Conv2d) || type == typeof(Conv3d)
        || type == typeof(ConvTranspose1d) || type == typeof(ConvTranspose2d) || type == typeof(ConvTranspose3d);
}
