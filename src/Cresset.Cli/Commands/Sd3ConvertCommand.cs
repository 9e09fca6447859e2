using System.CommandLine;
using Cresset.Cli.Terminal;
using Cresset.Diffusion;

namespace Cresset.Cli.Commands;

/// <summary><c>cresset sd3 convert</c>: between folders, single files and GGUF.</summary>
internal static class Sd3ConvertCommand
{
    public static Command Create()
    {
        var from = new Argument<string>("FROM") { Description = "A diffusers folder or a single file." };
        var to = new Argument<string>(
            "TO")
        { Description = "A .safetensors or .gguf file, or a folder (which must not exist yet or be empty)." };
        var dtype = new Option<string?>("--dtype") { Description = "Store as fp32, bf16 or fp16 (default: as it is)." };
        var storage = new Option<string>("--gguf")
        {
            Description = "f16, q8_0, q6_k, q4_k or q4_0, for .gguf.",
            DefaultValueFactory = _ => "q8_0"
        };
        var force = SharedOptions.Force();
        var noText = new Option<bool>("--no-text") { Description = "Leave the text encoders out of a single file." };
        var tokenizer = new Option<string?>("--t5-tokenizer") { Description = "spiece.model for the folder.", HelpName = "FILE" };
        var command = new Command("convert", "Convert a checkpoint between diffusers' folder, Stability's single file and GGUF.") { from,
            to, dtype, storage, noText, tokenizer, force };
        command.SetAction(r =>
        {
            var (source, target) = (r.GetValue(from)!, r.GetValue(to)!);
            if (r.GetValue(dtype) == "int8")
                throw new ArgumentException(
                    "--dtype is 'int8'; files are stored as fp32, bf16 or fp16. For 8 bits write a .gguf file (--gguf q8_0).");
            var type = Sd3Command.Dtype(r.GetValue(dtype));
            // What would change nothing is a slip.
            void Only(string kind, params Option[] options)
            {
                if (options.FirstOrDefault(o => r.GetResult(o) is { Implicit: false }) is { } alone)
                    throw new ArgumentException($"{alone.Name} is for {kind}; {target} is none.");
            }
            var ending = Path.GetExtension(target).ToUpperInvariant();
            if (ending == ".GGUF") Only("a folder or a .safetensors file", dtype);
            else Only("a .gguf file", storage);
            if (ending != ".SAFETENSORS") Only("a .safetensors file", noText);
            if (ending is ".GGUF" or ".SAFETENSORS")
            {
                Only("a folder", tokenizer);
                Overwriting.RequireFree(target, r.GetValue(force));
            }
            using var interruption = new Interruption("stopping.");
            switch (ending)
            {
                case ".GGUF":
                    var kind = r.GetValue(storage) switch
                    {
                        "f16" => GgufStorage.F16,
                        "q8_0" => GgufStorage.Q8_0,
                        "q6_k" => GgufStorage.Q6_K,
                        "q4_k" => GgufStorage.Q4_K,
                        "q4_0" => GgufStorage.Q4_0,
                        var other => throw new ArgumentException($"--gguf is '{other}'; allowed are f16, q8_0, q6_k, q4_k and q4_0."),
                    };
                    ModelConversion.ToGguf(source, target, kind, interruption.Token);
                    break;
                case ".SAFETENSORS":
                    ModelConversion.ToSingleFile(source, target, type, withText: !r.GetValue(noText));
                    break;
                case ".CKPT" or ".PT" or ".PTH" or ".BIN" or ".ONNX" or ".TXT" or ".JSON":
                    throw new ArgumentException($"{target} cannot be written: name a .safetensors file, a .gguf file or a folder.");
                default:
                    if (Directory.Exists(target) && Directory.EnumerateFileSystemEntries(target).Any())
                        throw new ArgumentException($"{target} is not empty; name a new folder.");
                    ModelConversion.ToFolder(source, target, new LoadOptions { T5TokenizerPath = r.GetValue(tokenizer) }, type);
                    break;
            }
            Console.Out.WriteLine($"written      {target}");
            return ExitCode.Success;
        });
        return command.WithExamples("cresset sd3 convert stable-diffusion-3-medium sd3.safetensors --dtype bf16",
            "cresset sd3 convert sd3.5_large.safetensors sd35-large-folder", "cresset sd3 convert sd3.5-medium sd35m.gguf --gguf q4_0");
    }
}
