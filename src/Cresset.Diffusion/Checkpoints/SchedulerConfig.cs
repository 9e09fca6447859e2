using System.Text.Json;
using static Cresset.Diffusion.ConfigJson;

namespace Cresset.Diffusion;

/// <summary>
/// Reads and writes the scheduler_config.json of a diffusers folder: its noise levels and the sampler that walks down them.
/// </summary>
internal static class SchedulerConfig
{
    /// <summary>
    /// The noise levels of a scheduler's config. The multistep schedulers of diffusers call the shift of flow models <c>flow_shift</c>.
    /// </summary>
    /// <exception cref="InvalidDataException">The scheduler is not one of flow matching.</exception>
    public static ScheduleOptions Schedule(JsonElement c, string path)
    {
        var (kind, isFlow) = (Text(c, "_class_name"), IsFlowMatch(c));
        if (!isFlow && !Flag(c, "use_flow_sigmas", false) && Text(c, "prediction_type") != "flow_prediction"
            && !c.TryGetProperty("flow_shift", out _))
            throw new InvalidDataException(
                $"{path} describes a {kind}, which walks down no noise levels of flow matching. Replace it by the folder's own "
                    + $"scheduler_config.json (FlowMatchEulerDiscreteScheduler).");
        if (Flag(c, "invert_sigmas", false))
            throw new InvalidDataException($"{path}: invert_sigmas is true; noise levels that rise are not read. Set it to false.");
        string[] spacings = ["use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas"];
        if (spacings.Where(s => Flag(c, s, false)).ToList() is { Count: > 1 } several)
            throw new InvalidDataException($"{path}: {string.Join(" and ", several)} are true; noise levels are spread in one way.");
        if (Text(c, "time_shift_type") is { } form and not ("linear" or "exponential"))
            throw new InvalidDataException($"{path}: time_shift_type is \"{form}\"; known are \"exponential\" and \"linear\".");
        var d = new ScheduleOptions();
        var terminal = Number(c, "shift_terminal", 0);
        var options = d with
        {
            TrainingSteps = Int(c, "num_train_timesteps", 1000),
            Shift = Number(c, ShiftKey(c), 1),
            Dynamic = !Flag(c, "use_dynamic_shifting", false) ? DynamicShift.None : Text(c, "time_shift_type") == "linear"
                ? DynamicShift.Linear : DynamicShift.Exponential,
            BaseShift = Number(c, "base_shift", d.BaseShift),
            MaxShift = Number(c, "max_shift", d.MaxShift),
            BaseTokens = Int(c, "base_image_seq_len", d.BaseTokens),
            MaxTokens = Int(c, "max_image_seq_len", d.MaxTokens),
            Terminal = terminal > 0 ? terminal : null,
            Spacing = Flag(c, "use_karras_sigmas", false) ? NoiseSpacing.Karras : Flag(c, "use_exponential_sigmas", false)
                ? NoiseSpacing.Exponential : Flag(c, "use_beta_sigmas", false) ? NoiseSpacing.Beta : NoiseSpacing.Shifted,
        };
        return options.Validate().FirstOrDefault() is { } problem ? throw new InvalidDataException($"{path}: {problem}") : options;
    }

    /// <summary>Where a config has its shift.</summary>
    public static string ShiftKey(JsonElement c) => IsFlowMatch(c) ? "shift" : "flow_shift";

    private static bool IsFlowMatch(JsonElement c)
        => Text(c, "_class_name") is not { } kind || kind.StartsWith("FlowMatch", StringComparison.Ordinal);

    /// <summary>
    /// The sampler of a scheduler's config. Where a multistep one asks for what is not known here, a note says so and the steps are
    /// Euler's.
    /// </summary>
    public static (SamplerOptions Sampler, string? Note) Sampler(JsonElement c, string path)
    {
        if (c.TryGetProperty("scale_factors", out var scales) && scales.ValueKind != JsonValueKind.Null)
            throw new InvalidDataException($"{path}: scale_factors asks for steps that grow the picture; set it to null.");
        var kind = Text(c, "_class_name");
        if (kind is null or "FlowMatchEulerDiscreteScheduler")
            return (Flag(c, "stochastic_sampling", false) ? new StochasticEulerSamplerOptions() : new EulerSamplerOptions(), null);
        if (kind == "FlowMatchHeunDiscreteScheduler") return (new HeunSamplerOptions(), null);
        if (kind == "FlowMatchLCMScheduler") return (new StochasticEulerSamplerOptions(), null);
        var (sampler, unknown) = kind switch
        {
            "UniPCMultistepScheduler" => UniPc(c),
            "DPMSolverMultistepScheduler" => DpmSolver(c),
            _ => (null, ""),
        };
        return sampler is not null ? (sampler, null) : (new EulerSamplerOptions(),
            $"{path} describes a {kind}{(unknown.Length > 0 ? " with " + unknown : "")}, whose noise levels are used; the steps are those "
                + "of euler unless another sampler is named (GenerationOptions.Sampler; --sampler, for example unipc or dpm++2m)");
    }

    private static (SamplerOptions? Sampler, string Unknown) UniPc(JsonElement c)
    {
        var unknown = Unknown(c,
            ("predict_x0", "false", !Flag(c, "predict_x0", true)),
            // Its orders fall towards the end here, which changes nothing for the first.
            ("lower_order_final", "false", !Flag(c, "lower_order_final", true) && Int(c, "solver_order", 2) > 1),
            ("disable_corrector", "steps", Ints(c, "disable_corrector") is { Count: > 0 }),
            ("solver_p", "a scheduler", c.TryGetProperty("solver_p", out var p) && p.ValueKind != JsonValueKind.Null));
        SolverVariant? variant = (Text(c, "solver_type") ?? "bh2") switch
        {
            "bh1" => SolverVariant.Alternative,
            // The package takes those of DPM-Solver as bh2.
            "bh2" or "midpoint" or "heun" or "logrho" => SolverVariant.Standard,
            _ => null,
        };
        return Multistep(c, unknown, variant, () => new UniPcOptions());
    }

    private static (SamplerOptions? Sampler, string Unknown) DpmSolver(JsonElement c)
    {
        var algorithm = Text(c, "algorithm_type") ?? "dpmsolver++";
        var isThird = Int(c, "solver_order", 2) == 3;
        var unknown = Unknown(c,
            ("algorithm_type", algorithm, algorithm is not ("dpmsolver++" or "sde-dpmsolver++") || (isThird && algorithm[0] == 's')),
            ("lower_order_final", "false", !Flag(c, "lower_order_final", true) && isThird),
            ("use_lu_lambdas", "true", Flag(c, "use_lu_lambdas", false)));
        SolverVariant? variant = (Text(c, "solver_type") ?? "midpoint") switch
        {
            "heun" => SolverVariant.Alternative,
            "midpoint" or "logrho" or "bh1" or "bh2" => SolverVariant.Standard,
            _ => null,
        };
        return Multistep(c, unknown, variant, () => algorithm == "dpmsolver++" ? new DpmSolverOptions() : new StochasticDpmSolverOptions());
    }

    private static List<string> Unknown(JsonElement c, params (string Key, string Value, bool Is)[] own)
    {
        var prediction = Text(c, "prediction_type");
        var final = Text(c, "final_sigmas_type");
        (string Key, string Value, bool Is)[] all =
        [
            .. own,
            ("use_flow_sigmas", "false", !Flag(c, "use_flow_sigmas", false)),
            ("prediction_type", prediction ?? "", prediction is not (null or "flow_prediction")),
            ("use_karras_sigmas", "true", Flag(c, "use_karras_sigmas", false)),
            ("use_exponential_sigmas", "true", Flag(c, "use_exponential_sigmas", false)),
            ("use_beta_sigmas", "true", Flag(c, "use_beta_sigmas", false)),
            ("use_dynamic_shifting", "true", Flag(c, "use_dynamic_shifting", false)),
            ("thresholding", "true", Flag(c, "thresholding", false)),
            ("final_sigmas_type", final ?? "", final is not (null or "zero")),
        ];
        return [.. all.Where(setting => setting.Is).Select(setting => $"{setting.Key} {setting.Value}")];
    }

    private static (SamplerOptions? Sampler, string Unknown) Multistep(JsonElement c, List<string> unknown, SolverVariant? variant,
        Func<MultistepSamplerOptions> make)
    {
        var order = Int(c, "solver_order", 2);
        if (order is < 1 or > 3) unknown.Add($"solver_order {order}");
        if (variant is null) unknown.Add($"solver_type {Text(c, "solver_type")}");
        return unknown.Count > 0 ? (null, string.Join(", ", unknown))
            : (make() with { Order = order, Variant = variant!.Value, UseFlowTable = false }, "");
    }

    /// <summary>The name that diffusers has for a sampler; what it has no scheduler for is written as Euler's.</summary>
    public static string NameOf(SamplerOptions sampler) => sampler switch
    {
        HeunSamplerOptions => "FlowMatchHeunDiscreteScheduler",
        UniPcOptions { UseFlowTable: false } => "UniPCMultistepScheduler",
        DpmSolverOptions { UseFlowTable: false } or StochasticDpmSolverOptions { UseFlowTable: false } => "DPMSolverMultistepScheduler",
        _ => "FlowMatchEulerDiscreteScheduler",
    };

    public static Dictionary<string, object?> Write(ScheduleOptions o, SamplerOptions sampler)
    {
        var values = new Dictionary<string, object?> { ["_class_name"] = NameOf(sampler), ["num_train_timesteps"] = o.TrainingSteps };
        if (sampler is MultistepSamplerOptions { UseFlowTable: false } multistep)
        {
            var isUniPc = sampler is UniPcOptions;
            values["prediction_type"] = "flow_prediction";
            values["use_flow_sigmas"] = true;
            values["flow_shift"] = o.Shift;
            values["solver_order"] = multistep.Order;
            values["solver_type"] = (isUniPc, multistep.Variant) switch
            {
                (true, SolverVariant.Standard) => "bh2",
                (true, _) => "bh1",
                (_, SolverVariant.Standard) => "midpoint",
                _ => "heun",
            };
            if (!isUniPc) values["algorithm_type"] = sampler is StochasticDpmSolverOptions ? "sde-dpmsolver++" : "dpmsolver++";
            return values;
        }
        values["shift"] = o.Shift;
        if (sampler is HeunSamplerOptions) return values;
        values["stochastic_sampling"] = sampler is StochasticEulerSamplerOptions;
        values["use_dynamic_shifting"] = o.Dynamic != DynamicShift.None;
        values["time_shift_type"] = o.Dynamic == DynamicShift.Linear ? "linear" : "exponential";
        values["base_shift"] = o.BaseShift;
        values["max_shift"] = o.MaxShift;
        values["base_image_seq_len"] = o.BaseTokens;
        values["max_image_seq_len"] = o.MaxTokens;
        values["shift_terminal"] = o.Terminal;
        values["use_karras_sigmas"] = o.Spacing == NoiseSpacing.Karras;
        values["use_exponential_sigmas"] = o.Spacing == NoiseSpacing.Exponential;
        values["use_beta_sigmas"] = o.Spacing == NoiseSpacing.Beta;
        return values;
    }
}
