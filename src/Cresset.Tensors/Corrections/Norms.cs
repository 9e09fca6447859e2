using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Cresset.Tensors;

/// <summary>Normalisation layers whose TorchSharp 0.107 constructors leave something wrong.</summary>
public static class Norms
{
    /// <summary>
    /// Group normalisation (Wu and He 2018), [N, C, ...] to the same shape, with weight 1 and bias 0:
    /// TorchSharp 0.107's own constructor leaves both uninitialised.
    /// </summary>
    public static GroupNorm GroupNorm(long groups, long channels, double eps = 1e-5, bool affine = true)
    {
        if (groups <= 0 || channels % groups != 0)
            throw new ArgumentException(
                $"GroupNorm: {channels} channels do not split into {groups} groups; the number of channels must be a multiple of the "
                    + $"number of groups.", nameof(groups));
#pragma warning disable RS0030 // the one place that repairs it
        var norm = nn.GroupNorm(groups, channels, eps, affine);
#pragma warning restore RS0030
        if (affine)
        {
            using var noGrad = no_grad();
            norm.weight!.fill_(1);
            norm.bias!.fill_(0);
        }
        return norm;
    }
}
