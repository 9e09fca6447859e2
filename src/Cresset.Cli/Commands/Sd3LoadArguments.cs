using System.CommandLine;
using Cresset.Diffusion;
using Cresset.Tensors;

namespace Cresset.Cli.Commands;

/// <summary>The options that say how a checkpoint is loaded and which parts come from elsewhere.</summary>
internal sealed class Sd3LoadArguments
{
    private readonly Option<double?> _shift = new(
        "--shift")
    { Description = "Shift of the noise levels (default: the checkpoint's, or 3)." };

    private readonly Option<string?> _dtype = new("--dtype") { Description = "auto, fp32, bf16, fp16 or int8 (8-bit matrices)." };

    private readonly Option<string> _device = new("--device")
    {
        Description = "cpu, cuda, cuda:N or auto.",
        DefaultValueFactory = _ => "cpu"
    };

    private readonly Option<string?> _t5 = new("--t5") { Description = "T5 from here instead of the checkpoint's.", HelpName = "FILE|DIR" };

    private readonly Option<string?> _t5Tokenizer = new("--t5-tokenizer")
    {
        Description = "spiece.model, for single files.",
        HelpName = "FILE"
    };

    private readonly Option<string?> _tokenizers = new(
        "--tokenizers")
    { Description = "Folder with tokenizer, tokenizer_2 and tokenizer_3, for single files.", HelpName = "DIR" };

    private readonly Option<string?> _clipL = new("--clip-l")
    {
        Description = "CLIP-L from here instead of the checkpoint's.",
        HelpName = "FILE|DIR"
    };

    private readonly Option<string?> _clipG = new("--clip-g")
    {
        Description = "CLIP-G from here instead of the checkpoint's.",
        HelpName = "FILE|DIR"
    };

    private readonly Option<string?> _vae = new("--vae")
    {
        Description = "Autoencoder from here instead of the checkpoint's.",
        HelpName = "FILE|DIR"
    };

    private readonly Option<bool> _noT5 = new(
        "--no-t5")
    { Description = "Leave T5 out: far less memory, weaker with long prompts and writing." };

    public void AddTo(Command command)
    {
        foreach (var option in new Option[] { _shift, _dtype, _device, _t5, _t5Tokenizer, _tokenizers, _clipL, _clipG, _vae, _noT5 })
            command.Add(option);
    }

    public double? Shift(ParseResult r) => r.GetValue(_shift);

    public LoadOptions Of(ParseResult r)
    {
        foreach (var path in new[] { r.GetValue(_t5), r.GetValue(_t5Tokenizer), r.GetValue(_tokenizers), r.GetValue(_clipL),
            r.GetValue(_clipG), r.GetValue(_vae) })
        {
            if (path is not null && !Path.Exists(path)) throw new FileNotFoundException($"{path} is not there.", path);
        }
        return new LoadOptions
        {
            Dtype = Sd3Command.Dtype(r.GetValue(_dtype)),
            EightBits = r.GetValue(_dtype) == "int8",
            Device = ComputeDevice.Resolve(r.GetValue(_device)!),
            SkipT5 = r.GetValue(_noT5),
            T5Path = r.GetValue(_t5),
            T5TokenizerPath = r.GetValue(_t5Tokenizer) ?? Inside(r.GetValue(_tokenizers), "tokenizer_3", "spiece.model"),
            ClipLTokenizerPath = Inside(r.GetValue(_tokenizers), "tokenizer"),
            ClipGTokenizerPath = Inside(r.GetValue(_tokenizers), "tokenizer_2"),
            ClipLPath = r.GetValue(_clipL),
            ClipGPath = r.GetValue(_clipG),
            VaePath = r.GetValue(_vae),
            Shift = r.GetValue(_shift),
        };
    }

    private static string? Inside(string? folder, params string[] path)
    {
        if (folder is null) return null;
        var full = Path.Combine([folder, .. path]);
        return Path.Exists(full) ? full : null;
    }
}
