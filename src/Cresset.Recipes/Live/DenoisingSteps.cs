using Cresset.Numerics;
using Cresset.Plots;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>A picture of the miniature of Stable Diffusion 3 step by step, from noise to what a prompt asks for.</summary>
[Part("denoising-steps")]
internal sealed record DenoisingSteps : LiveComputation
{
    /// <summary>A run of the job sd3-miniature.</summary>
    public string Run { get; init; } = "";

    /// <summary>What to draw; empty takes the first class.</summary>
    public string Prompt { get; init; } = "";

    /// <summary>Seed of the noise.</summary>
    public int Seed { get; init; }

    /// <summary>Steps; 0 takes the run's own number.</summary>
    public int Steps { get; init; }

    /// <summary>Guidance, 1 is the conditional model; null takes the run's own.</summary>
    public double? Guidance { get; init; }

    /// <inheritdoc/>
    public override IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Must(Prompt is { Length: <= 200 }, Prompt?.Length, "at most 200 characters", field: nameof(Prompt))
        .AtLeast(Seed, 0)
        .Within(Steps, 0, 200)
        .Within(Guidance ?? 1, 1, 100, field: nameof(Guidance));

    /// <inheritdoc/>
    public override object Compute(LiveContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        return context.Look<Sd3MiniatureTask, object>(Run, (task, _) =>
        {
            var prompt = Prompt.Length == 0 ? task.Names[0] : Prompt;
            using var generator = Seeding.Generator((ulong)Seed, "live");
            var frames = new List<string>();
            using var drawn = task.Model.Sample([prompt], Steps == 0 ? task.Options.DrawSteps : Steps, Guidance ?? task.Options.Guidance,
                generator, (_, state) => frames.Add(Png(task.Cropped(state))), task.Options.Sampler);
            return new { Prompt = prompt, task.Names, Size = task.Side, Frames = frames };
        });
    }

    private static string Png(Tensor state)
    {
        using var scope = NewDisposeScope();
        var pixels = ((state + 1) / 2).clamp(0, 1).contiguous().data<float>().ToArray();
        var side = (int)state.size(-1);
        return Convert.ToBase64String(
            ImageGrid.Render(pixels, 1, 1, side, side, new ImageGridOptions { Columns = 1, Scale = 1, Padding = 0 }).ToPng());
    }
}
