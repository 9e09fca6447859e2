using System.CommandLine;
using System.Globalization;
using Cresset.Cli.Terminal;
using Cresset.Numerics;
using Cresset.Recipes;

namespace Cresset.Cli.Commands;

/// <summary><c>cresset upsampling</c>: what resizing conventions and learned upsamplers do to real pictures.</summary>
internal static class UpsamplingCommand
{
    public const string Summary = "Draw half-pixel against aligned corners, and the checkerboards of upsampling layers, on a real picture.";

    public static Command Create()
    {
        var picture = new Option<string?>(
            "--picture")
        {
            Description =
                "One of the pictures that come with Cresset (default: astronaut for corners, camera for checkerboards).",
            HelpName = "NAME"
        };
        var edge = new Option<int>("--edge")
        {
            Description = "Edge of the enlarged crop, in pixels.",
            DefaultValueFactory = _ => 12,
            HelpName = "N"
        };
        var steps = new Option<int>("--steps")
        {
            Description = "Steps that each layer learns before its second picture.",
            DefaultValueFactory = _ => 25,
            HelpName = "N"
        };
        var folder = new Option<string>("--out")
        {
            Description = "Folder for the pictures.",
            DefaultValueFactory = _ => "upsampling",
            HelpName = "FOLDER"
        };
        var json = SharedOptions.Json();
        var command = new Command("upsampling", Summary) { picture, edge, steps, folder, json };
        command.SetAction(result =>
        {
            var name = result.GetValue(picture);
            if (name is not null && !RealPictures.Names.Contains(name))
                throw new ArgumentException(
                    $"There is no picture '{name}'.{NearestName.Suggest(name, RealPictures.Names)} Known: "
                        + $"{string.Join(", ", RealPictures.Names)}.");
            if (result.GetValue(edge) is < 4 or > 64) throw new ArgumentException($"--edge is {result.GetValue(edge)}; allowed: 4 to 64.");
            if (result.GetValue(steps) < 0) throw new ArgumentException($"--steps is {result.GetValue(steps)}; allowed: 0 or more.");
            var target = Directory.CreateDirectory(result.GetValue(folder)!).FullName;
            var corners = Path.Combine(target, "corners.png");
            var boards = Path.Combine(target, "checkerboards.png");
            AtomicFile.WriteBytes(corners, UpsamplingPictures.Corners(name ?? "astronaut", result.GetValue(edge)).ToPng());
            var (sheet, scores) = UpsamplingPictures.Checkerboards(name ?? "camera", result.GetValue(steps));
            AtomicFile.WriteBytes(boards, sheet.ToPng());
            if (result.GetValue(json))
            {
                Output.Json(new
                {
                    Pictures = new[] { corners, boards },
                    Checkerboard = scores.Select(s => new { Layer = s.Name, s.Fresh, s.Trained })
                });
                return ExitCode.Success;
            }
            Output.Table(["layer", "checkerboard, fresh", "trained"],
                scores.Select(s => new[] { s.Name, Score(s.Fresh), Score(s.Trained) }));
            Console.Out.WriteLine("0 is even. Pictures:");
            Console.Out.WriteLine(corners);
            Console.Out.WriteLine(boards);
            return ExitCode.Success;
        });
        return command.WithExamples("cresset upsampling", "cresset upsampling --picture coffee --edge 16 --out pictures");
    }

    private static string Score(double value) => value.ToString("0.000", CultureInfo.InvariantCulture);
}
