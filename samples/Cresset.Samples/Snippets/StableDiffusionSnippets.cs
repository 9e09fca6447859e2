using Cresset.Diffusion;

namespace Cresset.Samples.Snippets;

/// <summary>docs/stable-diffusion-3.md; needs a checkpoint of 5 GB, so it is compiled here and run where there is one.</summary>
internal static class StableDiffusionSnippets
{
    public static void Lighthouse()
    {
        using var model = StableDiffusion3.Load("stable-diffusion-3.5-medium");
        using var result = model.Generate("a lighthouse in a storm", negative: "blurry", options: new()
        {
            Width = 1024,
            Height = 768,
            Steps = 28,
            Seed = 7,
            Guidance = new() { Scale = 4.5, SkipLayers = [7, 8, 9] },
        });
        // result.Pictures: [1, 3, 768, 1024] in 0..1
        result.Save("lighthouse.png");
    }

    public static void Lora(StableDiffusion3 model)
    {
        using var lora = LoraAdapter.Load("style.safetensors");
        lora.Merge(model, new LoraScales(Transformer: 0.8, T5: 0));
        // ...
        lora.Unmerge(model);    // the same bits as before
    }
}
