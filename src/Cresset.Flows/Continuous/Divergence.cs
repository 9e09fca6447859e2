using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>The divergence of a field along with its value.</summary>
public abstract class Divergence
{
    /// <summary>The sum of the diagonal of the Jacobian, one vector-Jacobian product per dimension.</summary>
    public static Divergence Exact { get; } = new ExactDivergence();

    /// <summary>Hutchinson's estimate with random signs: one product for any dimension, least variance.</summary>
    public static Divergence Rademacher(Generator? generator = null) => new HutchinsonDivergence(signs: true, generator, null);

    /// <summary>Hutchinson's estimate with normal noise.</summary>
    public static Divergence Gaussian(Generator? generator = null) => new HutchinsonDivergence(signs: false, generator, null);

    /// <summary>Hutchinson's estimate with given noise of the state's shape.</summary>
    public static Divergence Fixed(Tensor noise) => new HutchinsonDivergence(signs: true, null, noise);

    /// <summary>Noise stays the same through a solve (Grathwohl et al. 2019): one instance a solve.</summary>
    internal abstract Probe Begin(Tensor state);

    /// <summary>One solve's way of measuring.</summary>
    internal abstract class Probe
    {
        /// <summary>Velocity, divergence [N], and where wanted the squared Frobenius norm of the Jacobian or its estimate [N].</summary>
        public abstract (Tensor Velocity, Tensor Divergence, Tensor? SquaredJacobian) Measure(IVelocityModel model, double time,
            Tensor state, Tensor? context, bool jacobian);

        /// <summary>
        /// What the probe holds, kept beyond its scope for a backward pass that measures again; null where it holds nothing.
        /// </summary>
        public virtual Tensor? Keep() => null;

        protected static Tensor Times(double time, Tensor state) => full([state.size(0)], time, dtype: state.dtype, device: state.device);

        /// <summary>The state as a leaf that asks for gradients, kept in the graph where the caller builds one.</summary>
        protected static Tensor Tracked(Tensor state) => state.requires_grad ? state : state.detach().requires_grad_(true);
    }

    private sealed class ExactDivergence : Divergence
    {
        internal override Probe Begin(Tensor state) => new ExactProbe();

        private sealed class ExactProbe : Probe
        {
            public override (Tensor, Tensor, Tensor?) Measure(IVelocityModel model, double time, Tensor state, Tensor? context,
                bool jacobian)
            {
                if (model is IDivergenceModel own && !jacobian)
                {
                    var (velocity, trace) = own.VelocityAndDivergence(state, Times(time, state), context);
                    return (velocity, trace, null);
                }
                var building = is_grad_enabled();
                using var grad = enable_grad();
                var x = Tracked(state);
                var v = model.Velocity(x, Times(time, x), context);
                var flat = v.flatten(1);
                Tensor divergence = zeros(x.size(0), dtype: x.dtype, device: x.device);
                Tensor? squared = jacobian ? zeros_like(divergence) : null;
                for (long i = 0; i < flat.size(1); i++)
                {
                    var row = (Derivatives.Of([flat.select(1, i).sum()], [x], retainGraph: true, createGraph: building)[0]
                        ?? zeros_like(x)).flatten(1);
                    divergence = divergence + row.select(1, i);
                    if (squared is not null) squared = squared + row.square().sum(1);
                }
                return building ? (v, divergence, squared) : (v.detach(), divergence.detach(), squared?.detach());
            }
        }
    }

    private sealed class HutchinsonDivergence(bool signs, Generator? generator, Tensor? given) : Divergence
    {
        internal override Probe Begin(Tensor state)
        {
            if (given is not null)
            {
                if (!given.shape.SequenceEqual(state.shape))
                    throw Cresset.Tensors.Shape.Wrong(given, Cresset.Tensors.Shape.Text(state), "The noise has the shape of the state.");
                return new NoiseProbe(given);
            }
            using var scope = NewDisposeScope();
            var noise = signs
                ? randint(0, 2, state.shape, dtype: ScalarType.Float32, generator: generator) * 2 - 1
                : randn(state.shape, generator: generator);
            return new NoiseProbe(noise.to(state.dtype).to(state.device).MoveToOuterDisposeScope());
        }

        private sealed class NoiseProbe(Tensor noise) : Probe
        {
            private Tensor _noise = noise;

            public override Tensor? Keep() => _noise = _noise.alias().DetachFromDisposeScope();

            public override (Tensor, Tensor, Tensor?) Measure(IVelocityModel model, double time, Tensor state, Tensor? context,
                bool jacobian)
            {
                var building = is_grad_enabled();
                using var grad = enable_grad();
                var x = Tracked(state);
                var v = model.Velocity(x, Times(time, x), context);
                var product = Derivatives.Of([v], [x], [_noise], building, building)[0] ?? zeros_like(x);
                var divergence = (product * _noise).flatten(1).sum(1);
                var squared = jacobian ? product.square().flatten(1).sum(1) : null;
                return building ? (v, divergence, squared) : (v.detach(), divergence.detach(), squared?.detach());
            }
        }
    }
}

/// <summary>A velocity model that knows its divergence: cheaper than one vector-Jacobian product per dimension.</summary>
public interface IDivergenceModel : IVelocityModel
{
    /// <summary>Velocity [N, ...] and exact divergence [N], both differentiable.</summary>
    (Tensor Velocity, Tensor Divergence) VelocityAndDivergence(Tensor state, Tensor time, Tensor? context = null);
}
