using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>The conditional paths of Tong et al. 2023, each a normal about a mean with a deviation that may depend on time.</summary>
public enum BridgeKind
{
    /// <summary>Mean (1 - t) x_0 + t x_1, constant deviation (I-CFM; OT-CFM with paired batches).</summary>
    Independent,

    /// <summary>Mean t x_1, deviation 1 - (1 - sigma) t (Lipman et al. 2023); the source is standard normal.</summary>
    Target,

    /// <summary>The Brownian bridge of the Schroedinger problem, deviation sigma sqrt(t (1 - t)) (SB-CFM).</summary>
    SchroedingerBridge,

    /// <summary>Mean cos(pi t / 2) x_0 + sin(pi t / 2) x_1, constant deviation (Albergo and Vanden-Eijnden 2023).</summary>
    VariancePreserving,
}

/// <summary>Points and velocities of the bridges between paired samples.</summary>
public sealed class BridgePath
{
    private readonly BridgeKind _kind;
    private readonly double _sigma;

    /// <summary>Makes a path.</summary>
    /// <param name="kind">The path.</param>
    /// <param name="sigma">Its deviation.</param>
    public BridgePath(BridgeKind kind, double sigma)
    {
        if (!(sigma >= 0) || !double.IsFinite(sigma))
            throw new ArgumentOutOfRangeException(nameof(sigma), sigma, "The deviation must be at least 0.");
        (_kind, _sigma) = (kind, sigma);
    }

    /// <summary>A batch at times [N] with given noise of the data's shape.</summary>
    public MatchingBatch At(Tensor source, Tensor data, Tensor time, Tensor noise)
    {
        var sigma = _sigma;
        using var scope = NewDisposeScope();
        var t = ProbabilityPath.Align(time, data);
        Tensor state, velocity;
        switch (_kind)
        {
            case BridgeKind.Independent:
                state = (1 - t) * source + t * data + sigma * noise;
                velocity = data - source;
                break;
            case BridgeKind.Target:
                var spread = 1 - (1 - sigma) * t;
                state = t * data + spread * noise;
                velocity = (data - (1 - sigma) * state) / spread;
                break;
            case BridgeKind.SchroedingerBridge:
                state = (1 - t) * source + t * data + sigma * (t * (1 - t)).sqrt() * noise;
                // The reference's small number keeps the ends finite.
                velocity = (1 - 2 * t) / (2 * t * (1 - t) + 1e-8) * (state - ((1 - t) * source + t * data)) + data - source;
                break;
            default:
                var angle = t * (Math.PI / 2);
                state = angle.cos() * source + angle.sin() * data + sigma * noise;
                velocity = (angle.cos() * data - angle.sin() * source) * (Math.PI / 2);
                break;
        }
        return new MatchingBatch(time.alias().MoveToOuterDisposeScope(), state.MoveToOuterDisposeScope(),
            velocity.MoveToOuterDisposeScope());
    }
}
