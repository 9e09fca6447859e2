using System.Text.Json;
using System.Text.Json.Nodes;
using Cresset.Diffusion;
using Cresset.Numerics;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Diffusion;

/// <summary>What the configurations of a folder say is done, or refused by name: never left out in silence.</summary>
public sealed class FolderSettingsTests : IDisposable
{
    private static readonly GenerationOptions Small = new()
    {
        Width = 48,
        Height = 32,
        Steps = 3,
        Guidance = new GuidanceOptions { Scale = 1 },
        T5Length = 8,
        Seed = 4
    };

    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-settings-").FullName;

    public FolderSettingsTests()
    {
        var source = Reference.PathOf("tiny_sd3");
        foreach (var file in Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories))
        {
            var copy = Path.Combine(_folder, Path.GetRelativePath(source, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("FlowMatchEulerDiscreteScheduler", false, "euler")]
    [InlineData("FlowMatchEulerDiscreteScheduler", true, "stochastic-euler")]
    [InlineData("FlowMatchLCMScheduler", false, "stochastic-euler")]
    [InlineData("FlowMatchHeunDiscreteScheduler", false, "heun")]
    public void TheSchedulerOfAFolderIsItsSampler(string scheduler, bool stochastic, string sampler)
    {
        using var scope = NewDisposeScope();
        Change("scheduler/scheduler_config.json", "_class_name", scheduler);
        Change("scheduler/scheduler_config.json", "stochastic_sampling", stochastic);
        using var model = StableDiffusion3.Load(_folder);
        var named = (SamplerOptions)new PartCatalog(typeof(SamplerOptions).Assembly).Get("sampler", sampler).Create();
        Assert.Equal(named, model.Sampler);
        Assert.Empty(model.Notes);
        using var wanted = model.Generate("a cat", options: Small with { Sampler = named }, latentsOnly: true);
        using var made = model.Generate("a cat", options: Small, latentsOnly: true);
        Assert.True(wanted.Latents.SameAs(made.Latents));
        Assert.Equal(named, made.Settings!.Options.Sampler);
        // And it comes back.
        var saved = Path.Combine(_folder, "saved");
        model.Save(saved);
        using var again = StableDiffusion3.Load(saved);
        Assert.Equal(model.Sampler, again.Sampler);
    }

    public static TheoryData<string, SamplerOptions> MultistepSchedulers() => new()
    {
        { """{"_class_name":"UniPCMultistepScheduler"}""", new UniPcOptions { UseFlowTable = false } },
        {
            """{"_class_name":"UniPCMultistepScheduler","solver_order":3,"solver_type":"bh1","disable_corrector":[],"solver_p":null}""",
            new UniPcOptions { Order = 3, Variant = SolverVariant.Alternative, UseFlowTable = false }
        },
        { """{"_class_name":"DPMSolverMultistepScheduler"}""", new DpmSolverOptions { UseFlowTable = false } },
        {
            """{"_class_name":"DPMSolverMultistepScheduler","solver_order":3,"solver_type":"heun","lower_order_final":true}""",
            new DpmSolverOptions { Order = 3, Variant = SolverVariant.Alternative, UseFlowTable = false }
        },
        {
            """{"_class_name":"DPMSolverMultistepScheduler","algorithm_type":"sde-dpmsolver++","final_sigmas_type":"zero"}""",
            new StochasticDpmSolverOptions { UseFlowTable = false }
        },
    };

    [Theory]
    [MemberData(nameof(MultistepSchedulers))]
    public void AMultistepSchedulerOfAFolderIsItsSampler(string config, SamplerOptions sampler)
    {
        using var scope = NewDisposeScope();
        var settings = config[..^1] + ""","flow_shift":5,"use_flow_sigmas":true,"prediction_type":"flow_prediction"}""";
        File.WriteAllText(Path.Combine(_folder, "scheduler", "scheduler_config.json"), settings);
        using var model = StableDiffusion3.Load(_folder);
        Assert.Equal(sampler, model.Sampler);
        Assert.Equal(5, model.Schedule.Shift);
        Assert.Empty(model.Notes);
        using var wanted = model.Generate("a cat", options: Small with { Sampler = sampler }, latentsOnly: true);
        using var made = model.Generate("a cat", options: Small, latentsOnly: true);
        Assert.True(wanted.Latents.SameAs(made.Latents));
        // Written, and converted, it comes back.
        var saved = Path.Combine(_folder, "saved");
        model.Save(saved);
        using (var again = StableDiffusion3.Load(saved)) Assert.Equal((sampler, 5), (again.Sampler, again.Schedule.Shift));
        var copy = Path.Combine(_folder, "copy");
        ModelConversion.ToFolder(_folder, copy, new LoadOptions { Shift = 2 });
        using var shifted = StableDiffusion3.Load(copy);
        Assert.Equal((sampler, 2), (shifted.Sampler, shifted.Schedule.Shift));
    }

    [Theory]
    [InlineData("UniPCMultistepScheduler", "predict_x0", "false")]
    [InlineData("UniPCMultistepScheduler", "lower_order_final", "false")]
    [InlineData("UniPCMultistepScheduler", "disable_corrector", "[0]")]
    [InlineData("UniPCMultistepScheduler", "solver_order", "4")]
    [InlineData("UniPCMultistepScheduler", "use_karras_sigmas", "true")]
    [InlineData("DPMSolverMultistepScheduler", "algorithm_type", "\"dpmsolver\"")]
    [InlineData("DPMSolverMultistepScheduler", "solver_type", "\"cubic\"")]
    [InlineData("DPMSolverMultistepScheduler", "final_sigmas_type", "\"sigma_min\"")]
    [InlineData("DPMSolverMultistepScheduler", "use_flow_sigmas", "false")]
    [InlineData("DEISMultistepScheduler", null, null)]
    public void WhatAMultistepSchedulerAsksForInVainIsSaid(string scheduler, string? key, string? value)
    {
        var extra = key is null ? "" : $",\"{key}\":{value}";
        var flow = key == "use_flow_sigmas" ? "" : ",\"use_flow_sigmas\":true";
        File.WriteAllText(Path.Combine(_folder, "scheduler", "scheduler_config.json"),
            $$"""{"_class_name":"{{scheduler}}","flow_shift":5,"prediction_type":"flow_prediction"{{flow}}{{extra}}}""");
        using var model = StableDiffusion3.Load(_folder);
        var note = Assert.Single(model.Notes);
        Assert.Contains(scheduler, note, StringComparison.Ordinal);
        if (key is not null) Assert.Contains(key, note, StringComparison.Ordinal);
        Assert.Equal(new EulerSamplerOptions(), model.Sampler);
        Assert.Equal(5, model.Schedule.Shift);
    }

    [Fact]
    public void TheWholeScheduleComesBack()
    {
        var json = Path.Combine(_folder, "scheduler", "scheduler_config.json");
        File.WriteAllText(json, """
            {"_class_name":"FlowMatchEulerDiscreteScheduler","num_train_timesteps":500,"shift":2.5,"use_dynamic_shifting":true,
             "time_shift_type":"linear","base_shift":0.25,"max_shift":1.5,"base_image_seq_len":128,"max_image_seq_len":2048,
             "shift_terminal":0.02,"use_beta_sigmas":true}
            """);
        using var model = StableDiffusion3.Load(_folder);
        var saved = Path.Combine(_folder, "saved");
        model.Save(saved);
        using var again = StableDiffusion3.Load(saved);
        Assert.Equal(new ScheduleOptions
        {
            TrainingSteps = 500,
            Shift = 2.5,
            Dynamic = DynamicShift.Linear,
            BaseShift = 0.25,
            MaxShift = 1.5,
            BaseTokens = 128,
            MaxTokens = 2048,
            Terminal = 0.02,
            Spacing = NoiseSpacing.Beta
        }, again.Schedule);
    }

    [Theory]
    [InlineData("scheduler/scheduler_config.json", "use_karras_sigmas", "true", "use_exponential_sigmas", "true")]
    [InlineData("scheduler/scheduler_config.json", "time_shift_type", "\"cubic\"", null, null)]
    [InlineData("scheduler/scheduler_config.json", "shift", "-1", null, null)]
    [InlineData("scheduler/scheduler_config.json", "shift", "[3]", null, null)]
    [InlineData("scheduler/scheduler_config.json", "scale_factors", "[0.5, 1]", null, null)]
    [InlineData("vae/config.json", "act_fn", "\"gelu\"", null, null)]
    [InlineData("vae/config.json", "mid_block_add_attention", "false", null, null)]
    [InlineData("vae/config.json", "out_channels", "4", null, null)]
    [InlineData("vae/config.json", "block_out_channels", "[8, \"16\"]", null, null)]
    [InlineData("text_encoder/config.json", "eos_token_id", "0", null, null)]
    [InlineData("text_encoder/config.json", "num_attention_heads", "[1]", null, null)]
    [InlineData("text_encoder_2/config.json", "hidden_act", "3", null, null)]
    [InlineData("transformer/config.json", "dual_attention_layers", "\"all\"", null, null)]
    [InlineData("tokenizer/tokenizer_config.json", "pad_token", "[]", null, null)]
    [InlineData("tokenizer/tokenizer_config.json", "pad_token", "\"<nothing>\"", null, null)]
    [InlineData("tokenizer_2/tokenizer_config.json", "pad_token", "3", null, null)]
    [InlineData("tokenizer_2/tokenizer_config.json", "model_max_length", "\"77\"", null, null)]
    [InlineData("tokenizer_3/tokenizer_config.json", "extra_ids", "\"x\"", null, null)]
    [InlineData("tokenizer_3/tokenizer_config.json", "extra_ids", "2000000000", null, null)]
    [InlineData("tokenizer_3/tokenizer_config.json", "legacy", "1", null, null)]
    public void ASettingThatIsNotDoneIsRefusedByName(string file, string key, string value, string? other, string? otherValue)
    {
        Change(file, key, JsonNode.Parse(value));
        if (other is not null) Change(file, other, JsonNode.Parse(otherValue!));
        var error = Assert.Throws<InvalidDataException>(() => StableDiffusion3.Load(_folder));
        Assert.Contains(key == "shift" && value == "-1" ? "Shift" : key, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("tokenizer/tokenizer_config.json", "[]")]
    [InlineData("tokenizer_3/tokenizer_config.json", "null")]
    [InlineData("tokenizer/vocab.json", "[1]")]
    [InlineData("tokenizer/vocab.json", "{\"<|startoftext|>\":0,\"<|endoftext|>\":-1}")]
    [InlineData("tokenizer/vocab.json", "{\"<|startoftext|>\":0,\"<|endoftext|>\":2000000000}")]
    [InlineData("tokenizer/merges.txt", "#version: 0.2\na b c\n")]
    [InlineData("text_encoder/config.json", "5")]
    public void AFileOfAnotherFormIsRefused(string file, string content)
    {
        File.WriteAllText(Path.Combine(_folder, file), content);
        Assert.Throws<InvalidDataException>(() => StableDiffusion3.Load(_folder));
    }

    [Fact]
    public void AByteOrderMarkIsNoPartOfAConfiguration()
    {
        var path = Path.Combine(_folder, "vae", "config.json");
        File.WriteAllText(path, File.ReadAllText(path), new System.Text.UTF8Encoding(encoderShouldEmitUTF8Identifier: true));
        StableDiffusion3.Load(_folder).Dispose();
    }

    [Theory]
    [InlineData("text_encoder", "layer_norm_eps")]
    [InlineData("text_encoder_2", "layer_norm_eps")]
    [InlineData("text_encoder_3", "layer_norm_epsilon")]
    public void TheEpsilonOfNormalisationsIsTheConfigurations(string part, string key)
    {
        using var scope = NewDisposeScope();
        Tensor Context()
        {
            using var model = StableDiffusion3.Load(_folder);
            using var words = model.Text.Encode("a cat", t5Length: 8);
            return words.Context.clone();
        }
        var before = Context();
        Change($"{part}/config.json", key, 0.5);
        Assert.False(before.SameAs(Context()));
    }

    [Fact]
    public void WhatHeadersAndOptionsDecideIsToldBeforeLoading()
    {
        Assert.Contains("ClipSkip is 99",
            Assert.Throws<ArgumentException>(() => GenerationPlan.Of(_folder, null, Small with { ClipSkip = 99 })).Message,
            StringComparison.Ordinal);
        Assert.Contains("CLIP-L and CLIP-G", Assert.Throws<InvalidDataException>(() => GenerationPlan.Of(_folder,
            new LoadOptions { ClipLPath = Path.Combine(_folder, "text_encoder_2") }, Small)).Message, StringComparison.Ordinal);
        // What is suggested instead of a size is one that is allowed.
        var near = Assert.Throws<ArgumentException>(() => GenerationPlan.Of(_folder, null, Small with { Width = 999_999 })).Message;
        var width = int.Parse(near[(near.LastIndexOf("try ", StringComparison.Ordinal) + 4)..near.LastIndexOf('x')],
            System.Globalization.CultureInfo.InvariantCulture);
        GenerationPlan.Of(_folder, null, Small with { Width = width });
    }

    [Fact]
    public void AFolderMadeOfAFolderSaysTheSame()
    {
        using var scope = NewDisposeScope();
        Change("vae/config.json", "scaling_factor", 1.25);
        Change("scheduler/scheduler_config.json", "shift", 1.5);
        Change("transformer/config.json", "torch_dtype", "bfloat16");
        var copy = Path.Combine(_folder, "copy");
        ModelConversion.ToFolder(_folder, copy + "/");
        using var model = StableDiffusion3.Load(_folder);
        using var again = StableDiffusion3.Load(copy);
        Assert.Empty(again.Notes);
        Assert.Equal((model.Schedule, 1.25, model.Vae.Options.SampleSize),
            (again.Schedule, again.Vae.Options.ScalingFactor, again.Vae.Options.SampleSize));
        using var a = model.Generate("a cat", options: Small);
        using var b = again.Generate("a cat", options: Small);
        Assert.True(a.Pictures!.SameAs(b.Pictures!));
        Assert.DoesNotContain("torch_dtype", File.ReadAllText(Path.Combine(copy, "transformer", "config.json")), StringComparison.Ordinal);
    }

    [Fact]
    public void AFolderThatCannotBeFinishedIsNotThere()
    {
        var single = Path.Combine(_folder, "one.safetensors");
        ModelConversion.ToSingleFile(_folder, single);
        var target = Path.Combine(_folder, "made");
        var lost = new LoadOptions { T5TokenizerPath = Path.Combine(_folder, "nothing") };
        Assert.Throws<FileNotFoundException>(() => ModelConversion.ToFolder(single, target, lost));
        Assert.False(Directory.Exists(target));
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder, "*.tmp"));
        // The tokenizer may be named by its folder.
        ModelConversion.ToFolder(single, target, new LoadOptions { T5TokenizerPath = Path.Combine(_folder, "tokenizer_3") });
        Assert.True(File.Exists(Path.Combine(target, "tokenizer_3", "spiece.model")));
    }

    [Fact]
    public void WhatHasNoEffectIsSaid()
    {
        using var model = StableDiffusion3.Load(_folder);
        using var made = model.Generate("a cat", "ugly", Small, latentsOnly: true);
        Assert.Contains(made.Notes, n => n.Contains("negative prompt had no effect", StringComparison.Ordinal));
        using var never = model.Generate("a cat", options: Small with
        {
            Guidance = new GuidanceOptions { Scale = 2, SkipLayers = [0], SkipStart = 0.9, SkipStop = 0.1 }
        }, latentsOnly: true);
        Assert.Contains(never.Notes, n => n.Contains("SkipLayers had no effect", StringComparison.Ordinal));
    }

    [Fact]
    public void PicturesThatAreNotNumbersAreRefused()
    {
        using var model = StableDiffusion3.Load(_folder);
        using (no_grad()) model.Vae.parameters().First(p => p.dim() == 4 && p.size(0) == 3).fill_(double.NaN);
        Assert.Contains("autoencoder", Assert.Throws<InvalidDataException>(() => model.Generate("a cat", options: Small)).Message,
            StringComparison.Ordinal);
        using (no_grad()) model.Transformer.parameters().First().fill_(double.NaN);
        Assert.Contains("latents", Assert.Throws<InvalidDataException>(() => model.Generate("a cat", options: Small)).Message,
            StringComparison.Ordinal);
    }

    private void Change(string file, string key, JsonNode? value)
    {
        var path = Path.Combine(_folder, file);
        var config = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        config[key] = value;
        File.WriteAllText(path, config.ToJsonString(new JsonSerializerOptions()));
    }
}
