using System.CommandLine;
using System.Globalization;
using Cresset.Cli.Terminal;
using Cresset.Diffusion;

namespace Cresset.Cli.Commands;

/// <summary><c>cresset sd3 plan</c>: the memory that pictures of a size will take, told from headers.</summary>
internal static class Sd3PlanCommand
{
    public static Command Create()
    {
        var standard = new GenerationOptions();
        var model = Sd3Command.Model();
        var size = new Option<string>("--size")
        {
            Description = "Width x height, or one number for a square.",
            HelpName = "WxH",
            DefaultValueFactory = _ => $"{standard.Width}x{standard.Height}"
        };
        var count = new Option<int>("--count", "-n") { Description = "Number of pictures.", DefaultValueFactory = _ => standard.Count };
        var cfg = new Option<double>("--cfg")
        {
            Description = "Guidance; 1 turns it off, which halves the work.",
            DefaultValueFactory = _ => standard.Guidance.Scale
        };
        var memory = new Option<double?>("--memory")
        {
            Description = "Plan for a machine with so many gigabytes instead of this one.",
            HelpName = "GB"
        };
        var load = new Sd3LoadArguments();
        var json = SharedOptions.Json();
        var command = new Command("plan", "Tell how much memory pictures will take on a CPU, before anything is read.") { model, size,
            count, cfg, memory, json };
        load.AddTo(command);
        command.SetAction(r =>
        {
            var (width, height) = Sd3GenerateCommand.Size(r.GetValue(size)!);
            if (r.GetValue(memory) is { } gigabytes && !(gigabytes > 0 && gigabytes < 1e6))
                throw new ArgumentException(
                    $"--memory is {gigabytes.ToString(CultureInfo.InvariantCulture)}; it must be a positive number of gigabytes.");
            var options = new GenerationOptions
            {
                Width = width,
                Height = height,
                Count = r.GetValue(count),
                Guidance = new GuidanceOptions { Scale = r.GetValue(cfg) }
            };
            var plan = GenerationPlan.Of(r.GetValue(model)!, load.Of(r), options, r.GetValue(memory) is { } gb ? (long)(gb * 1e9) : null);
            if (r.GetValue(json))
            {
                Output.Json(plan);
                return ExitCode.Success;
            }
            Output.Table(["part", "parameters", "stored as", "mapped", "in memory", "kept"],
                plan.Parts.Select(
                    p => (IReadOnlyList<string>)[p.Name, p.Parameters.ToString("N0", CultureInfo.InvariantCulture), p.Stored,
                        Sd3InspectCommand.Bytes(p.Mapped), Sd3InspectCommand.Bytes(p.Allocated), p.Lifetime]));
            Console.Out.WriteLine(plan.Line);
            foreach (var note in plan.Notes) Console.Out.WriteLine(note);
            return ExitCode.Success;
        });
        return command.WithExamples("cresset sd3 plan -m stable-diffusion-3.5-medium",
            "cresset sd3 plan -m sd3.5_large-Q4_K_S.gguf --size 1024 --memory 16");
    }
}
