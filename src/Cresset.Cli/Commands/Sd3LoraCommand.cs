using System.CommandLine;
using System.Globalization;
using Cresset.Cli.Terminal;
using Cresset.Diffusion;

namespace Cresset.Cli.Commands;

/// <summary><c>cresset sd3 lora</c>: what an adapter changes, and its names in the other family.</summary>
internal static class Sd3LoraCommand
{
    public static Command Create()
    {
        var path = new Argument<string>("FILE") { Description = "A LoRA file, with PEFT's, diffusers' or kohya's names." };
        var peft = new Option<string?>("--to-peft") { Description = "Write it with the names of diffusers (PEFT).", HelpName = "FILE" };
        var kohya = new Option<string?>("--to-kohya") { Description = "Write it with kohya's names.", HelpName = "FILE" };
        var json = SharedOptions.Json();
        var command = new Command("lora", "Show what a LoRA changes; write it with other names.") { path, peft, kohya, json };
        command.SetAction(r =>
        {
            using var lora = LoraAdapter.Load(r.GetValue(path)!);
            if (r.GetValue(peft) is { } one) lora.Save(one);
            if (r.GetValue(kohya) is { } other) lora.SaveKohya(other);
            if (r.GetValue(json))
                Output.Json(
                    lora.Layers.Select(
                        p => new { Part = LoraArgument.Name(p.Part), p.Target, p.Kind, p.Rank, p.Alpha, p.Inputs, p.Outputs }));
            else Output.Table(["part", "target", "kind", "rank", "alpha", "shape"],
                lora.Layers.OrderBy(p => p.Part)
                    .Select(
                        p => (IReadOnlyList<string>)[LoraArgument.Name(p.Part), p.Target, p.Kind,
                            p.Rank.ToString(CultureInfo.InvariantCulture), Output.Number(p.Alpha), $"{p.Outputs} x {p.Inputs}"]));
            if (lora.LeftOut.Count > 0)
                Console.Error.WriteLine(
                    $"cresset: {lora.LeftOut.Count} keys are not adapter keys of these networks "
                        + $"({string.Join(", ", lora.LeftOut.Take(3))}{(lora.LeftOut.Count > 3 ? ", ..." : "")})");
            return ExitCode.Success;
        });
        return command.WithExamples("cresset sd3 lora style.safetensors",
            "cresset sd3 lora style.safetensors --to-kohya style-kohya.safetensors");
    }
}
