using Cresset.Numerics;
using Cresset.Plots;
using Cresset.Quantization;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>
/// A vector quantizer in the plane, with the gradients it really computes: how the estimators carry the decoder's wish to the encoder, and
/// what each term of the loss moves.
/// </summary>
[Part("vq-anatomy")]
internal sealed class VqAnatomyJob : StudyJob<VqAnatomyOptions, object>
{
    /// <inheritdoc/>
    public override string Name => "vq-anatomy";

    /// <inheritdoc/>
    public override string Summary => "Pictures of a vector quantizer in the plane: estimators and loss terms as arrows.";

    internal override bool ComputesInLibtorch => true;

    /// <inheritdoc/>
    protected override string Section => "study";

    /// <summary>None: the whole study is drawn in a second.</summary>
    protected override IReadOnlyList<string> Cells(VqAnatomyOptions options) => [];

    /// <inheritdoc/>
    protected override object Measure(VqAnatomyOptions options, StudyCell<object> cell) =>
        throw new InvalidOperationException("This study has no cells.");

    /// <inheritdoc/>
    protected override JobOutcome Report(JobContext context, VqAnatomyOptions options, IReadOnlyList<object> cells)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(options);
        using var scope = NewDisposeScope();
        using var generator = new Generator(options.Seed);
        Tensor codes = randn([options.Codes, 2], generator: generator) * 1.5,
            vectors = randn([options.Vectors, 2], generator: generator) * 1.5;
        // The decoder of the picture wants every value a little further to the upper right.
        var wish = tensor(new[] { 0.5f, 0.25f });
        var pictures = new List<string>();
        var figures = new Dictionary<string, double>();
        foreach (var estimator in new[] { GradientEstimator.StraightThrough, GradientEstimator.Rotation })
        {
            var name = estimator == GradientEstimator.Rotation ? "rotation" : "straight-through";
            using var quantizer = Quantizer(options, codes, estimator, CodebookLearning.MovingAverage);
            var z = vectors.clone().requires_grad_();
            var output = quantizer.call(z);
            var steps = -Derivatives.Of([-(output.Quantized * wish).sum()], [z])[0]!;
            var title = estimator == GradientEstimator.Rotation ? "Rotation trick: the wish turns as the vector does"
                : "Straight-through: each vector gets the wish of its code";
            var chart = Plane(title, vectors, codes, output.Quantized.detach());
            Arrows(chart, codes, wish.expand(options.Codes, 2));
            Arrows(chart, vectors, steps);
            figures[$"{name}_mean_step"] = steps.norm(1).mean().ToDouble();
            Keep(context, pictures, name, chart);
        }
        using (var quantizer = Quantizer(options, codes, GradientEstimator.StraightThrough, CodebookLearning.Gradient))
        {
            var z = vectors.clone().requires_grad_();
            var output = quantizer.call(z);
            var chosen = output.Quantized.detach();
            var commitment = -Derivatives.Of([output.Term("commitment") * (0.25 * options.Vectors)], [z], retainGraph: true)[0]!;
            var codebook = -Derivatives.Of([output.Term("codebook") * 1.0 * options.Vectors], [quantizer.Codebook.Codes])[0]!;
            var chart = Plane("Commitment moves vectors to their codes", vectors, codes, chosen);
            Arrows(chart, vectors, commitment);
            Keep(context, pictures, "commitment", chart);
            chart = Plane("The codebook term moves codes to their vectors", vectors, codes, chosen);
            Arrows(chart, codes, codebook * 0.25);
            Keep(context, pictures, "codebook", chart);
            figures["codes_that_move"] = codebook.abs().sum(1).gt(0).sum().ToDouble();
            figures["codes_in_use"] = output.Statistics.Batch[0].Used;
        }
        return new JobOutcome(true, figures, pictures);
    }

    private static VectorQuantizer Quantizer(VqAnatomyOptions options, Tensor codes, GradientEstimator estimator, CodebookLearning learning)
    {
        var quantizer = new VectorQuantizer(
            new()
            {
                Codebook = new() { Size = options.Codes, Width = 2, Learning = learning, RestartShare = 0, KMeansIterations = 0 },
                Estimator = estimator
            });
        quantizer.Codebook.SetCodes(codes);
        quantizer.eval();
        return quantizer;
    }

    private static Chart Plane(string title, Tensor vectors, Tensor codes, Tensor chosen)
    {
        var chart = new Chart(
            new ChartOptions { Title = title, XLabel = "z1", YLabel = "z2", Width = 640, Height = 480, Legend = LegendPlace.UpperRight });
        for (var i = 0; i < vectors.size(0); i++)
        {
            double[] xs = [vectors[i, 0].ToDouble(), chosen[i, 0].ToDouble()], ys = [vectors[i, 1].ToDouble(), chosen[i, 1].ToDouble()];
            chart.Line<double, double>(null, xs, ys, new LineOptions { Color = 7, Width = 0.7 });
        }
        chart.Scatter<float, float>("vectors of the encoder", Column(vectors, 0), Column(vectors, 1), 7, 0);
        chart.Scatter<float, float>("codes", Column(codes, 0), Column(codes, 1), 14, 1);
        return chart.SquareUnits();
    }

    private static void Arrows(Chart chart, Tensor from, Tensor steps)
    {
        var middles = from + (steps / 2);
        chart.Arrows<float>(Column(middles, 0), Column(middles, 1), Column(steps, 0), Column(steps, 1));
    }

    private static float[] Column(Tensor points, int column) => points.select(1, column).contiguous().data<float>().ToArray();

    private static void Keep(JobContext context, List<string> pictures, string tag, Chart chart)
    {
        if (context.Recorder.Picture(tag, 0, chart.ToPng()) is { } path) pictures.Add(path);
    }
}
