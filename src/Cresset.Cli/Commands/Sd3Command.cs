using System.CommandLine;

namespace Cresset.Cli.Commands;

/// <summary><c>cresset sd3</c>: Stable Diffusion 3 and 3.5 checkpoints.</summary>
internal static class Sd3Command
{
    public const string Summary = "Make pictures with Stable Diffusion 3 and 3.5 checkpoints; look into them and convert them.";

    public static Command Create() => new Command("sd3", Summary)
    {
        Sd3GenerateCommand.Create(),
        Sd3PlanCommand.Create(),
        Sd3InspectCommand.Create(),
        Sd3ConvertCommand.Create(),
        Sd3LoraCommand.Create(),
    };

    public static Option<string> Model() =>
        new("--model", "-m")
        {
            Description = "A diffusers folder or a single file (safetensors or GGUF).",
            HelpName = "DIR|FILE",
            Required = true
        };

    /// <summary>An element type by name, or null for "auto".</summary>
    public static TorchSharp.torch.ScalarType? Dtype(string? name) => name switch
    {
        null or "auto" or "int8" => null,
        "fp32" or "float32" => TorchSharp.torch.ScalarType.Float32,
        "bf16" or "bfloat16" => TorchSharp.torch.ScalarType.BFloat16,
        "fp16" or "float16" => TorchSharp.torch.ScalarType.Float16,
        _ => throw new ArgumentException($"--dtype is '{name}'; allowed are auto, fp32, bf16, fp16 and int8."),
    };
}
