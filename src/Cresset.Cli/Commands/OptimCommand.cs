using System.CommandLine;
using System.Globalization;
using Cresset.Cli.Terminal;
using Cresset.Data;
using Cresset.Optim;
using Cresset.Plots;
using static TorchSharp.torch;

namespace Cresset.Cli.Commands;

/// <summary><c>cresset optim</c>: optimizers at work.</summary>
internal static class OptimCommand
{
    public const string Summary = "Optimizers: the list, a race, Adam's decay against AdamW's.";

    public static Command Create() => new("optim", Summary) { List(), Race(), Decay() };

    private static Command List()
    {
        var json = SharedOptions.Json();
        var command = new Command("list", "All optimizers with their defaults.") { json };
        command.SetAction(result =>
        {
            if (result.GetValue(json))
                Output.Json(Rules().Select(e => new { e.Part.Name, Paper = e.Part.Source, e.Rule.LearningRate, e.Rule.WeightDecay }));
            else Output.Table(["name", "rate", "decay", "paper"],
                Rules().Select(
                    e => new[] { e.Part.Name, Output.Number(e.Rule.LearningRate), Output.Number(e.Rule.WeightDecay), e.Part.Source }));
            return ExitCode.Success;
        });
        return command.WithExamples("cresset optim list");
    }

    private static IEnumerable<(Cresset.Numerics.PartEntry Part, OptimizerRule Rule)> Rules() =>
        OptimizerCatalog.Entries.Select(e => (e, (OptimizerRule)e.Create()));

    private static Command Race()
    {
        var who = new Option<string>("--optimizers")
        {
            Description = "Names separated by commas.",
            DefaultValueFactory = _ => string.Join(',', RaceParticipant.Usual),
            HelpName = "NAMES"
        };
        var steps = new Option<int>("--steps") { Description = "Steps on every course.", DefaultValueFactory = _ => 200, HelpName = "N" };
        var seed = new Option<ulong>("--seed")
        {
            Description = "Seed of the net's weights and batches.",
            DefaultValueFactory = _ => 1,
            HelpName = "N"
        };
        var noNet = new Option<bool>("--no-net") { Description = "Leave out the net on the digits." };
        var folder = Folder("optim-race");
        var command = new Command("race",
            "Race optimizers on Rosenbrock, Beale, an ill-conditioned quadratic and a small net, each with its best rate of a sweep; paths "
                + "as PNG.") { who, steps, seed, noNet, folder };
        command.SetAction(result =>
        {
            var participants = result.GetValue(who)!.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
                .Select(RaceParticipant.Of).ToList();
            var target = Directory.CreateDirectory(result.GetValue(folder)!).FullName;
            var columns = new List<(string Name, IReadOnlyList<RaceResult> Results)>();
            foreach (var surface in TestSurface.All)
            {
                var results = participants.Select(p => OptimizerRace.OnSurface(surface, p, result.GetValue(steps))).ToList();
                RacePictures.Paths(surface, results).Save(Path.Combine(target, surface.Name + ".png"));
                columns.Add((surface.Name, results));
            }
            if (!result.GetValue(noNet))
                columns.Add(("digits net", Digits(participants, result.GetValue(steps), result.GetValue(seed), target)));
            Output.Table(["optimizer", .. columns.SelectMany(c => new[] { c.Name, "rate" })],
                participants.Select(
                    (p, i) =>
                        (string[])[p.Label,
                            .. columns.SelectMany(
                                c => new[] { c.Results[i].Losses[^1].ToString("0.00e+0", CultureInfo.InvariantCulture),
                                    Output.Number(c.Results[i].Rate) })]));
            Console.Out.WriteLine(
                $"Losses after {result.GetValue(steps)} steps, each optimizer at its best rate of the sweep; pictures in {target}");
            return ExitCode.Success;
        });
        return command.WithExamples("cresset optim race", "cresset optim race --optimizers sgd,adamw,muon --steps 500");
    }

    private static List<RaceResult> Digits(List<RaceParticipant> participants, int steps, ulong seed, string target)
    {
        using var scope = NewDisposeScope();
        var (train, _) = ImageClassification.Digits();
        var (x, y) = (train.Inputs.reshape(train.Inputs.size(0), -1), train.Targets!);
        var results = participants.Select(p => OptimizerRace.OnNet(x, y, p, steps, seed)).ToList();
        RacePictures.Losses("Digits, a net of two hidden layers", results, 10).Save(Path.Combine(target, "digits.png"));
        return results;
    }

    private static Command Decay()
    {
        var folder = Folder("optim-decay");
        var steps = new Option<int>("--steps") { Description = "Steps.", DefaultValueFactory = _ => 1000, HelpName = "N" };
        var command = new Command("decay",
            "Show what Adam's (coupled) and AdamW's (decoupled) weight decay do to weights with small and large gradients.") { steps,
                folder };
        command.SetAction(result =>
        {
            var target = Directory.CreateDirectory(result.GetValue(folder)!).FullName;
            double[] scales = [0.001, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 100];
            var results = DecayExperiment.Run(scales, result.GetValue(steps));
            RacePictures.Decay(results).Save(Path.Combine(target, "adam-adamw.png"));
            Output.Table(["gradient size", "Adam (L2)", "AdamW"],
                results.Select(
                    r => new[] { Output.Number(r.GradientScale), r.Coupled.ToString("0.000", CultureInfo.InvariantCulture),
                        r.Decoupled.ToString("0.000", CultureInfo.InvariantCulture) }));
            Console.Out.WriteLine(
                $"Mean weight after {result.GetValue(steps)} steps of pure noise from 1, decay 0.5, rate 0.001; AdamW's formula gives "
                    + $"{Math.Pow(1 - 0.0005, result.GetValue(steps)).ToString("0.000", CultureInfo.InvariantCulture)}. Picture in "
                    + $"{target}");
            return ExitCode.Success;
        });
        return command.WithExamples("cresset optim decay");
    }

    private static Option<string> Folder(string name) =>
        new("--out") { Description = "Folder for the pictures.", DefaultValueFactory = _ => name, HelpName = "FOLDER" };
}
