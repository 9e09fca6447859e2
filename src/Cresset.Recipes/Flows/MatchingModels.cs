using Cresset.Flows;
using Cresset.Nn;
using TorchSharp;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>A class-conditional U-Net as a velocity field of 8x8 pictures; label 10 stands for no label.</summary>
internal sealed class UNetVelocity : nn.Module, IVelocityModel
{
    /// <summary>The label that stands for none.</summary>
    public const long NoLabel = 10;

    [ComponentName(Name = "net")]
    private readonly ConditionedUNet _net;

    /// <summary>Makes the network.</summary>
    public UNetVelocity(int width)
        : base(nameof(UNetVelocity))
    {
        _net = new ConditionedUNet(1, 1,
            new UNetOptions { Channels = [width, 2 * width], BlocksPerLevel = 1, Norm = new GroupNormOptions { Groups = 8 } }, classes: 11,
            timeScale: 1000);
        RegisterComponents();
    }

    /// <inheritdoc/>
    public Tensor Velocity(Tensor state, Tensor time, Tensor? context = null) =>
        _net.call(state, time, context ?? full(state.size(0), NoLabel, dtype: ScalarType.Int64));
}
