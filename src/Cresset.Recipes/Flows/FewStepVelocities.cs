using Cresset.Flows;
using TorchSharp;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>An average velocity of the plane, which is a velocity where both times are one.</summary>
internal sealed class MeanVelocity : nn.Module, IVelocityModel, IAverageVelocityModel
{
    [ComponentName(Name = "net")]
    private readonly MlpAverageVelocity _net;

    public MeanVelocity(MlpAverageVelocity net)
        : base(nameof(MeanVelocity))
    {
        _net = net;
        RegisterComponents();
    }

    /// <inheritdoc/>
    public bool TakesContext => false;

    /// <inheritdoc/>
    public Tensor Average(Tensor state, Tensor from, Tensor to, Tensor? context = null) => _net.Average(state, from, to, context);

    /// <inheritdoc/>
    public Tensor Velocity(Tensor state, Tensor time, Tensor? context = null) => _net.Average(state, time, time, context);
}

/// <summary>Velocity and score of a bridge in the plane; as a velocity it is that of the ordinary equation.</summary>
internal sealed class BridgeVelocity : nn.Module, IVelocityModel
{
    [ComponentName(Name = "velocity")]
    private readonly MlpVelocity _velocity;
    [ComponentName(Name = "score")]
    private readonly MlpVelocity _score;

    public BridgeVelocity(MlpVelocity velocity, MlpVelocity score)
        : base(nameof(BridgeVelocity))
    {
        (_velocity, _score) = (velocity, score);
        RegisterComponents();
    }

    public IVelocityModel Drift => _velocity;

    public IVelocityModel Score => _score;

    /// <inheritdoc/>
    public bool TakesContext => false;

    /// <inheritdoc/>
    public Tensor Velocity(Tensor state, Tensor time, Tensor? context = null) => _velocity.Velocity(state, time, context);
}
