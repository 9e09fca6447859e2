using Cresset.Data;
using Cresset.Diffusion;
using Cresset.Nn;
using Cresset.Numerics;
using Cresset.Plots;
using Cresset.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>
/// Teaches an autoencoder to rebuild pictures through a latent that stays near the standard normal (Kingma and Welling 2014; Rombach et al.
/// 2022).
/// </summary>
internal sealed class VaeTask : DataTask
{
    private const int Shown = 12, MostForScale = 1024;

    private readonly VaeTrainingOptions _options;
    private readonly Vae _vae;

    /// <summary>Builds the autoencoder and takes the data over; initial weights follow <paramref name="seed"/>.</summary>
    public VaeTask(VaeTrainingOptions options, DataSplit data, ulong seed)
        : base(data, "error", higherIsBetter: false)
    {
        _options = options.ThrowIfInvalid();
        var shape = data.Facts.Shape;
        var sizes = options.Net((int)shape[0], (int)shape[1]);
        if (shape[1] % sizes.Downscale != 0 || shape[2] % sizes.Downscale != 0)
        {
            throw new DataMismatchException(
                $"{data.Facts.Name}: pictures of {shape[2]}x{shape[1]}; an autoencoder of {options.Channels.Count} resolutions takes sides "
                    + $"that {sizes.Downscale} divides. Change data.size or model.channels.");
        }
        using var generator = new Generator(seed);
        _vae = new Vae(sizes, new WeightPlace(Generator: generator));
    }

    /// <inheritdoc/>
    public override nn.Module Module => _vae;

    /// <inheritdoc/>
    public override Tensor Loss(Batch batch, StepContext step)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentNullException.ThrowIfNull(step);
        using var scope = NewDisposeScope();
        var pictures = (batch.Inputs * 2) - 1;
        using var latent = _vae.Encode(pictures);
        var noise = randn(latent.Mean.shape, generator: step.Generator).to(latent.Mean.device);
        var error = _options.Loss.Of(_vae.DecodeRaw(latent.Sample(noise)), pictures);
        var divergence = latent.Divergence().mean() / latent.Mean[0].numel();
        if (step.IsLogged)
        {
            step.Log("reconstruction", error.ToDouble());
            step.Log("divergence", divergence.ToDouble());
        }
        return (error + (divergence * _options.Divergence)).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override IEnumerable<TaskPicture> Pictures(EvaluationContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        using var scope = NewDisposeScope();
        var inputs = Data.Reported.Spread(Shown).Inputs.to(context.Device);
        var rebuilt = Rebuilt(inputs);
        var both = cat([inputs, rebuilt]).cpu().contiguous();
        var grid = ImageGrid.Render(both.data<float>().ToArray(), (int)both.size(0), (int)both.size(1), (int)both.size(2),
            (int)both.size(3), new ImageGridOptions
            {
                Columns = (int)inputs.size(0),
                Scale = both.size(2) < 16 ? 6 : 2,
                Title = "Above: test pictures; below: rebuilt from the means of their latents",
            });
        yield return new TaskPicture("reconstructions", grid.ToPng(), "Held-out pictures and what comes back.");
    }

    /// <summary>Writes the autoencoder as a diffusers folder, its latents scaled to mean 0 and variance 1 over training pictures.</summary>
    internal void Export(string folder)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var (sum, squares, count) = (0.0, 0.0, 0L);
        var most = Math.Min(MostForScale, Data.Train.Count);
        foreach (var part in Enumerable.Range(0, most).Select(i => (int)((long)i * Data.Train.Count / most)).Chunk(64))
        {
            using var inner = NewDisposeScope();
            using var latent = _vae.Encode(
                (Data.Train.Prepare(new BatchRequest(part, 0, 0)).ToBatch().Inputs.to(_vae.parameters().First().device) * 2) - 1);
            var means = latent.Mean.to(ScalarType.Float64);
            (sum, squares, count) = (sum + means.sum().ToDouble(), squares + means.square().sum().ToDouble(), count + means.numel());
        }
        var mean = sum / count;
        VaeFolder.Save(_vae, folder,
            _vae.Options with
            {
                ShiftFactor = Math.Round(mean, 4),
                ScalingFactor = Math.Round(1 / Math.Sqrt(Math.Max(1e-12, (squares / count) - (mean * mean))), 4)
            });
    }

    private protected override IEnumerable<(string Name, double Value)> Choose(IDataset part, EvaluationContext context)
        => Measured(part, context).Take(1);

    private protected override IEnumerable<(string Name, double Value)> Report(IDataset part, EvaluationContext context) =>
        Measured(part, context);

    private Tensor Rebuilt(Tensor pictures) => _vae.call((pictures * 2) - 1).add(1).div(2).clamp(0, 1);

    private List<(string Name, double Value)> Measured(IDataset part, EvaluationContext context)
    {
        double absolute = 0, squared = 0, divergence = 0, numbers = 0, latents = 0;
        foreach (var record in context.Measure(part, 64, batch => Record(batch, context.Device)))
        {
            (absolute, squared, divergence, numbers, latents) = (absolute + record[0], squared + record[1], divergence + record[2],
                numbers + record[3], latents + record[4]);
        }
        return [("error", absolute / numbers), ("mse", squared / numbers), ("psnr", -10 * Math.Log10(squared / numbers)),
            ("nats", divergence / latents)];
    }

    // Sums of |error|, its square and the divergence; numbers of pixels and of latent numbers.
    private double[] Record(Batch batch, Device device)
    {
        using var scope = NewDisposeScope();
        var pictures = batch.Inputs.to(device);
        using var latent = _vae.Encode((pictures * 2) - 1);
        var difference = _vae.DecodeRaw(latent.Mean).add(1).div(2).clamp(0, 1) - pictures;
        return [difference.abs().sum().ToDouble(), difference.square().sum().ToDouble(), latent.Divergence().sum().ToDouble(),
            pictures.numel(), latent.Mean.numel()];
    }
}
