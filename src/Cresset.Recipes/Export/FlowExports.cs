using Cresset.Flows;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>The two directions of a density model: log-density of samples, and samples of latents that the caller draws.</summary>
internal static class FlowExports
{
    public static IReadOnlyList<ExportedGraph> Of(DensityModel flow, long[] shape)
    {
        using var generator = new Generator(0);
        // Every value that a flow of the library takes lies well inside.
        var samples = randn([3, .. shape], generator: generator) * 0.7;
        var latents = flow.Encode(samples);
        return
        [
            new("log-density", flow, x => [flow.LogProb(x[0])], [samples], ["sample"], ["log_density"]),
            new("sample", flow, x => [flow.Decode(x[0])], [latents], ["latent"], ["sample"])
            {
                Metadata = new Dictionary<string, string> { ["input"] = "latents: standard normal numbers" },
            },
        ];
    }

    /// <summary>True for a model over pictures [N, C, H, W]; others take them as vectors.</summary>
    public static bool TakesPictures(this DensityModel flow) => flow is Glow or TarFlow;
}
