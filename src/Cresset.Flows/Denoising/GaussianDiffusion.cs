using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>
/// Denoising diffusion (Ho et al. 2020) and its deterministic sampler (Song et al. 2021, DDIM), for comparison with flows on the same
/// network: the network predicts the noise of x_t = sqrt(abar_t) x_0 + sqrt(1 - abar_t) e. Steps count from 0 (nearly clean).
/// </summary>
public sealed class GaussianDiffusion
{
    private readonly double[] _alphaBar;

    /// <summary>A schedule of betas that rises linearly.</summary>
    /// <param name="steps">Number of steps, 1000 in the paper.</param>
    /// <param name="betaStart">First beta, for 1000 steps; scaled for other numbers.</param>
    /// <param name="betaEnd">Last beta, for 1000 steps.</param>
    public GaussianDiffusion(int steps = 1000, double betaStart = 1e-4, double betaEnd = 0.02)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 2);
        if (!(betaStart > 0 && betaEnd > betaStart && betaEnd * 1000 / steps < 1))
            throw new ArgumentOutOfRangeException(nameof(betaEnd), betaEnd,
                $"Betas must rise from above 0 and stay below 1 when scaled by 1000 / {steps}.");
        _alphaBar = new double[steps];
        var product = 1.0;
        for (var i = 0; i < steps; i++)
        {
            product *= 1 - (betaStart + (betaEnd - betaStart) * i / (steps - 1)) * 1000 / steps;
            _alphaBar[i] = product;
        }
    }

    /// <summary>Number of steps.</summary>
    public int Steps => _alphaBar.Length;

    /// <summary>The share of signal abar at a step.</summary>
    public double AlphaBar(int step) => step >= 0 && step < Steps ? _alphaBar[step]
        : throw new ArgumentOutOfRangeException(nameof(step), step, $"There are steps 0 to {Steps - 1}.");

    /// <summary>The loss of noise prediction: model(x_t, step / Steps [N]) against the noise.</summary>
    public Tensor Loss(Func<Tensor, Tensor, Tensor> model, Tensor data, Generator? generator = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(data);
        using var scope = NewDisposeScope();
        var step = randint(0, Steps, data.size(0), dtype: ScalarType.Int64, generator: generator);
        var bar = ProbabilityPath.Align(tensor(_alphaBar).index_select(0, step).to(data.dtype), data).to(data.device);
        var noise = randn(data.shape, dtype: data.dtype, generator: generator).to(data.device);
        var noisy = bar.sqrt() * data + (1 - bar).sqrt() * noise;
        return (model(noisy, (step.to(data.dtype) / Steps).to(data.device)) - noise).square().mean().MoveToOuterDisposeScope();
    }

    /// <summary>Samples from noise [N, ...] at the last step.</summary>
    /// <param name="model">Predicts the noise from x_t and step / Steps [N].</param>
    /// <param name="noise">Standard normal noise.</param>
    /// <param name="count">Steps taken, evenly spread over the schedule.</param>
    /// <param name="eta">0 for DDIM's deterministic steps, 1 for the ancestral steps of DDPM.</param>
    /// <param name="generator">Source of randomness where <paramref name="eta"/> is above 0.</param>
    /// <param name="clip">Holds the predicted clean sample within [-clip, clip], as diffusion models of images do: early steps magnify the
    /// prediction's error.</param>
    /// <param name="cancellation">Stops between two steps.</param>
    public Tensor Sample(Func<Tensor, Tensor, Tensor> model, Tensor noise, int count, double eta = 0, Generator? generator = null,
        double clip = double.PositiveInfinity, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(noise);
        if (count < 1 || count > Steps)
            throw new ArgumentOutOfRangeException(nameof(count), count, $"The number of steps must lie in [1, {Steps}].");
        if (!(clip > 0)) throw new ArgumentOutOfRangeException(nameof(clip), clip, "Must be greater than 0.");
        if (!(eta >= 0 && eta <= 1)) throw new ArgumentOutOfRangeException(nameof(eta), eta, "Must lie in [0, 1].");
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var x = noise.alias();
        for (var i = count - 1; i >= 0; i--)
        {
            cancellation.ThrowIfCancellationRequested();
            using var inner = NewDisposeScope();
            int step = At(i, count), before = i == 0 ? -1 : At(i - 1, count);
            double bar = _alphaBar[step], next = before < 0 ? 1 : _alphaBar[before];
            var predicted = model(x, full(x.size(0), (double)step / Steps, dtype: x.dtype, device: x.device));
            var clean = (x - predicted * Math.Sqrt(1 - bar)) / Math.Sqrt(bar);
            if (double.IsFinite(clip))
            {
                clean = clean.clamp(-clip, clip);
                predicted = (x - clean * Math.Sqrt(bar)) / Math.Sqrt(1 - bar);
            }
            var spread = eta * Math.Sqrt((1 - next) / (1 - bar) * (1 - bar / next));
            var moved = clean * Math.Sqrt(next) + predicted * Math.Sqrt(Math.Max(0, 1 - next - spread * spread));
            if (spread > 0) moved = moved + randn(x.shape, dtype: x.dtype, generator: generator).to(x.device) * spread;
            x = moved.MoveToOtherDisposeScope(scope);
        }
        return x.MoveToOuterDisposeScope();
    }

    private int At(int i, int count) => (int)Math.Round((double)(i + 1) / count * Steps) - 1;
}
