using System.CommandLine;
using System.Globalization;
using Cresset.Cli.Terminal;
using Cresset.Data;
using Cresset.Numerics;
using Cresset.Plots;
using Cresset.Recipes;
using static TorchSharp.torch;

namespace Cresset.Cli.Commands;

/// <summary><c>cresset vq complete</c>: a hole of a picture filled by a prior.</summary>
internal static class VqCompleteCommand
{
    public static Command Create(PartCatalog parts)
    {
        var with = new PartsOption(parts);
        var run =
            new Argument<string>(
                "RUN")
            {
                Description =
                    "Run of a prior: mask-git fills holes anywhere; the others go on from the rows above."
            }.CompletesRun();
        var file = new Argument<string>("PICTURE") { Description = "A picture of the size that the run learned from." };
        var hole = new Option<string>(
            "--hole")
        {
            Description = "What is drawn anew, in pixels: left,top,width,height. Codes that touch it are drawn.",
            HelpName = "X,Y,W,H",
            Required = true
        };
        var count = new Option<int>("--count", "-n") { Description = "Pictures.", HelpName = "N", DefaultValueFactory = _ => 8 };
        var label = new Option<int?>("--class") { Description = "Number of the class, for a prior that has classes.", HelpName = "N" };
        var prompt = new Option<string?>("--prompt")
        {
            Description = "What the picture shows, for a prior that is told captions.",
            HelpName = "TEXT"
        };
        var temperature = new Option<double>("--temperature")
        {
            Description = "Temperature of the codes.",
            HelpName = "T",
            DefaultValueFactory = _ => 1
        };
        var seed = new Option<ulong>("--seed") { Description = "Seed of the draws.", HelpName = "N" };
        var output = new Option<string>("--output",
            "-o")
        {
            Description = "PNG file: the picture, what its codes give back, then the completions.",
            HelpName = "FILE",
            DefaultValueFactory = _ => "completed.png"
        };
        var force = new Option<bool>("--force") { Description = "Replace the file if it exists." };
        var runs = SharedOptions.RunsFolder();
        var command = new Command("complete", "Fill a hole of a picture with what a prior finds likely.") { run, file, hole, count, label,
            prompt, temperature, seed, output, force, with.Option, runs };
        command.SetAction(result =>
        {
            var path = result.GetValue(output)!;
            Output.RequirePng(output.Name, path);
            VqCommand.CheckFree(path, result.GetValue(force));
            var wanted = result.GetValue(count);
            if (wanted is < 1 or > 256) throw new ArgumentException($"--count is {wanted}; allowed: 1 to 256.");
            if (!(result.GetValue(temperature) >= 0))
                throw new ArgumentException(
                    $"--temperature is {result.GetValue(temperature).ToString(CultureInfo.InvariantCulture)}; allowed: 0 and more.");
            using var prior = CodePriorRun.Open(RunPlace.Of(result, run, runs).Find(), with.Recipes(result));
            if (prior.Tokenizer.Rate > 0) throw new ArgumentException($"{prior.Id} codes sounds, which have no picture to fill.");
            var (left, top, width, height) = Hole(result.GetValue(hole)!, prior.Tokenizer.Size);
            var planes = PicturePlanes.Load(result.GetValue(file)!, prior.Tokenizer.Channels);
            using var scope = NewDisposeScope();
            var picture = tensor(planes.Values, [1, planes.Channels, planes.Height, planes.Width]);
            var (stride, border) = (prior.Tokenizer.Model.Strides[0], prior.Tokenizer.Border);
            bool Touches(long at, int from, int length) => ((at + 1) * stride) - border > from && (at * stride) - border < from + length;
            var pictures = prior.Complete(picture, (row, column) => !(Touches(row, top, height) && Touches(column, left, width)), wanted,
                result.GetValue(label), result.GetValue(temperature), result.GetValue(seed), result.GetValue(prompt));
            var rebuilt = prior.Tokenizer.Decode(prior.Tokenizer.Encode(picture));
            var all = cat([picture, rebuilt, pictures]).contiguous();
            var grid = ImageGrid.Render(all.data<float>().ToArray(), wanted + 2, planes.Channels, planes.Height, planes.Width,
                new ImageGridOptions { Columns = Math.Min(10, wanted + 2), Scale = planes.Height < 16 ? 6 : 2 });
            AtomicFile.WriteBytes(path, grid.ToPng());
            Console.WriteLine($"{path}: the picture, what its codes give back, {wanted} {(wanted == 1 ? "completion" : "completions")}");
            return ExitCode.Success;
        });
        return command.WithExamples("cresset vq complete maskgit-fashion shoe.png --hole 8,8,12,12 --class 7",
            "cresset vq complete pixelcnn-fashion shirt.png --hole 0,14,28,14 --class 6 -n 4");
    }

    private static (int Left, int Top, int Width, int Height) Hole(string text, int size)
    {
        int[] numbers = [.. text.Split(',')
            .Select(part => int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : -1)];
        if (numbers.Length != 4 || numbers.Any(n => n < 0) || numbers[2] < 1 || numbers[3] < 1 || numbers[0] + (long)numbers[2] > size
            || numbers[1] + (long)numbers[3] > size)
            throw new ArgumentException(
                $"--hole is '{text}'; expected left,top,width,height in pixels inside {size}x{size}, such as "
                    + $"0,{size / 2},{size},{size - (size / 2)}.");
        return (numbers[0], numbers[1], numbers[2], numbers[3]);
    }
}
