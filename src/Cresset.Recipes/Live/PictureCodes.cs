using Cresset.Numerics;
using Cresset.Plots;
using Cresset.Quantization;
using Cresset.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>
/// The codes of a held-out picture, what comes back from them, and how often a tokenizer chose each of its codes on held-out pictures.
/// </summary>
[Part("picture-codes")]
internal sealed record PictureCodes : LiveComputation
{
    private const int Pictures = 512;

    /// <summary>A run of the job tokenizer.</summary>
    public string Run { get; init; } = "";

    /// <summary>Which of the first 512 held-out pictures.</summary>
    public int Picture { get; init; }

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks().Within(Picture, 0, Pictures - 1);

    /// <inheritdoc/>
    public override object Compute(LiveContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        return context.Look<TokenizerTask, object>(Run, (task, evaluation) =>
        {
            var inputs = task.HeldOut(Pictures).to(evaluation.Device);
            if (Picture >= inputs.size(0))
                throw new ArgumentException($"picture is {Picture}; there are {inputs.size(0)} held-out pictures.");
            var usage = CodebookWatch.Fresh(task.Model);
            CodebookWatch.Add(usage, task.Model.call(inputs));
            var one = inputs.narrow(0, Picture, 1);
            var codes = task.Model.Encode(one);
            var rebuilt = task.Model.Decode(codes);
            return new
            {
                Of = inputs.size(0),
                Original = Png(one),
                Rebuilt = Png(rebuilt),
                Levels = codes.SelectMany((c, level) => Maps(c, task.Model.Quantizers[level].Scales))
                    .Select(c => new { c.shape, Codes = c.cpu().contiguous().data<long>().ToArray() }).ToList(),
                Usage = usage.Select(u => new { u.Size, u.Used, u.Perplexity, Counts = u.Counts().Select(c => c.Count).ToArray() })
                    .ToList(),
            };
        });
    }

    // The maps of several scales lie one after the other.
    private static IEnumerable<Tensor> Maps(Tensor codes, IReadOnlyList<int> scales)
    {
        if (scales.Count == 0) return [codes];
        var sizes = scales.Select(side => (long)side * side).ToArray();
        return codes.split(sizes, 1).Zip(scales, (map, side) => map.reshape(-1, side, side));
    }

    private static string Png(Tensor picture)
    {
        using var scope = NewDisposeScope();
        var shown = picture.clamp(0, 1).cpu().to(ScalarType.Float32).contiguous();
        return Convert.ToBase64String(
            ImageGrid.Render(shown.data<float>().ToArray(), 1, (int)shown.size(1), (int)shown.size(2), (int)shown.size(3),
                new ImageGridOptions { Columns = 1, Scale = 1, Padding = 0 }).ToPng());
    }
}
