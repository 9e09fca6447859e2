using System.Globalization;
using Cresset.Data;
using Cresset.Plots;
using Cresset.Quantization;
using Cresset.Training;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>
/// What a tokenizer learns, pictures or sounds: how examples come to their shape, what is said and shown of a reconstruction.
/// </summary>
internal abstract class TokenizerSubject
{
    /// <summary>Shape of one example as the tokenizer sees it.</summary>
    public abstract long[] Shape { get; }

    /// <summary>Name of the tensor in an exported graph.</summary>
    public abstract string Name { get; }

    /// <summary>What it holds, for the metadata of an exported graph.</summary>
    public abstract string Values { get; }

    /// <summary>Samples of a channel.</summary>
    public long Samples => Shape.Skip(1).Aggregate(1L, (a, b) => a * b);

    /// <summary>The subject of a data set.</summary>
    /// <exception cref="DataMismatchException">The data are of another kind than the autoencoder, or of a size that its strides do not
    /// divide.</exception>
    public static TokenizerSubject Of(TokenizerOptions options, DataFacts facts)
    {
        if (options.Architecture.SpatialDimensions == 1) return new SoundSubject(options, facts);
        if (facts.Sound is not null)
            throw new DataMismatchException(
                $"{facts.Name} are sounds; {PartCatalogName(options)} takes pictures. Use architecture: signal-vq-vae "
                    + $"(model.architecture=signal-vq-vae).");
        return new PictureSubject(options, facts);
    }

    /// <summary>The examples as the tokenizer sees them.</summary>
    public abstract IDataset Bring(IDataset data);

    /// <summary>Figures of a mean squared error on data of that mean square.</summary>
    public abstract IEnumerable<(string Name, double Value)> Figures(double error, double power, Tokenizer model);

    /// <summary>A picture of examples and what comes back from their codes, both [N, ...].</summary>
    public abstract TaskPicture Reconstructions(Tensor inputs, Tensor rebuilt, Tokenizer model);

    /// <summary>How many examples the picture shows.</summary>
    public abstract int Shown { get; }

    protected static string PartCatalogName(TokenizerOptions options) =>
        $"the autoencoder '{Numerics.PartCatalog.NameOf(options.Architecture.GetType()) ?? options.Architecture.GetType().Name}'";
}

/// <summary>Pictures [C, H, W] in 0..1.</summary>
internal sealed class PictureSubject(TokenizerOptions options, DataFacts facts) : TokenizerSubject
{
    private readonly int _size = options.PictureSize(facts);

    public override long[] Shape => [facts.Shape[0], _size, _size];

    public override string Name => "picture";

    public override string Values => "pictures in 0..1, codes as whole numbers";

    public override int Shown => 12;

    public override IDataset Bring(IDataset data) => PaddedPictures.Of(data, options.Padding);

    public override IEnumerable<(string Name, double Value)> Figures(double error, double power, Tokenizer model)
        => [("psnr", BitRate.PeakSignalToNoise(error)), ("bits_per_image", model.BitsPerItem(Samples))];

    public override TaskPicture Reconstructions(Tensor inputs, Tensor rebuilt, Tokenizer model)
    {
        var count = (int)inputs.size(0);
        var both = cat([inputs, rebuilt.clamp(0, 1)]).cpu().contiguous();
        var grid = ImageGrid.Render(both.data<float>().ToArray(), 2 * count, (int)inputs.size(1), (int)inputs.size(2), (int)inputs.size(3),
            new ImageGridOptions
            {
                Columns = count,
                Scale = inputs.size(2) < 16 ? 6 : 2,
                Title = string.Create(CultureInfo.InvariantCulture,
                $"Above: test pictures; below: rebuilt from {model.BitsPerItem(inputs.size(2) * inputs.size(3))} bits"),
            });
        return new TaskPicture("reconstructions", grid.ToPng(), "Held-out pictures and what comes back from their codes.");
    }
}

/// <summary>Sounds [C, L] in -1..1.</summary>
internal sealed class SoundSubject : TokenizerSubject
{
    private const int DrawnSamples = 600;
    private readonly SoundFacts _sound;

    public SoundSubject(TokenizerOptions options, DataFacts facts)
    {
        _sound = facts.Sound
            ?? throw new DataMismatchException(
                $"{facts.Name}: {PartCatalogName(options)} takes sounds (data: audio or tones); these data are none.");
        var stride = options.Architecture.StrideOf(options);
        if (_sound.Length % stride != 0)
            throw new DataMismatchException(
                $"{facts.Name}: pieces of {_sound.Length} samples; a length that {stride} divides is needed "
                    + $"(data.length={Math.Max(1, _sound.Length / stride) * stride}).");
        if (options.Padding > 0) throw new DataMismatchException($"padding is {options.Padding}; sounds have no border: leave it out.");
        if (options.PerceptualWeight > 0)
            throw new DataMismatchException(
                $"perceptual_weight is {options.PerceptualWeight}; the features are those of pictures: leave it out for sounds.");
        if (options.AdversarialWeight > 0)
            throw new DataMismatchException(
                $"adversarial_weight is {options.AdversarialWeight}; the discriminator judges pictures: leave it out for sounds.");
    }

    public override long[] Shape => [_sound.Channels, _sound.Length];

    public override string Name => "sound";

    public override string Values => "samples in -1..1, codes as whole numbers";

    public override int Shown => 3;

    public override IDataset Bring(IDataset data) => data;

    public override IEnumerable<(string Name, double Value)> Figures(double error, double power, Tokenizer model)
        => [("snr", 10 * Math.Log10(power / Math.Max(error, double.Epsilon))), ("kbps", Kilobits(model))];

    public override TaskPicture Reconstructions(Tensor inputs, Tensor rebuilt, Tokenizer model)
    {
        var count = (int)Math.Min(inputs.size(2), DrawnSamples);
        var start = (inputs.size(2) - count) / 2;
        double[] times = [.. Enumerable.Range(0, count).Select(i => (start + i) * 1000.0 / _sound.Rate)];
        var chart = new Chart(new ChartOptions
        {
            Title = string.Create(CultureInfo.InvariantCulture,
                $"Held-out sounds, and rebuilt from {Kilobits(model):0.##} kilobits per second"),
            XLabel = "milliseconds",
            YLabel = "samples, a sound a line",
            Legend = LegendPlace.UpperRight,
        });
        for (var i = 0; i < inputs.size(0); i++)
        {
            double[] Line(Tensor from) =>
                [.. from[i, 0].narrow(0, start, count).cpu().to(ScalarType.Float64).contiguous().data<double>().ToArray()
                    .Select(v => v - i)];
            chart.Line<double, double>(i == 0 ? "sound" : null, times, Line(inputs), new LineOptions { Color = 7, Width = 1 });
            chart.Line<double, double>(i == 0 ? "rebuilt" : null, times, Line(rebuilt), new LineOptions { Color = 0, Width = 1 });
        }
        return new TaskPicture("reconstructions", chart.ToPng(), "Held-out sounds and what comes back from their codes.");
    }

    private double Kilobits(Tokenizer model) =>
        BitRate.KilobitsPerSecond((double)_sound.Rate / model.Strides[0], model.Quantizers[0].CodebookSizes);
}
