using System.Text;
using Cresset.Data;
using Cresset.Distributed;
using Cresset.Rl.Deep;
using Cresset.Training;

namespace Cresset.Recipes;

/// <summary>Before ranks work together: what must be the same on all of them.</summary>
internal static class RankedStart
{
    /// <summary>Refuses a job that one process must do, and ranks that were given other recipes or another version than rank 0.</summary>
    public static void CompareRecipes(ICommunicator ranks, ResolvedRecipe recipe)
    {
        if (ranks.Size == 1) return;
        CheckJob(ranks, recipe);
        var lines = recipe.Flatten().Select(f => $"{f.Key}={f.Value}").Prepend($"Cresset {typeof(RankedStart).Assembly.GetName().Version}")
            .ToList();
        var all = ranks.Gather(Encoding.UTF8.GetBytes(string.Join('\n', lines))).Select(part => Encoding.UTF8.GetString(part)).ToList();
        var others = Enumerable.Range(1, all.Count - 1).Where(rank => all[rank] != all[0]).ToList();
        if (others.Count == 0) return;
        var (expected, found) = (all[0].Split('\n'), all[others[0]].Split('\n'));
        var at = Enumerable.Range(0, Math.Max(expected.Length, found.Length))
            .First(i => expected.ElementAtOrDefault(i) != found.ElementAtOrDefault(i));
        throw new CommunicationException(
            $"{Who(others)} was given another recipe than rank 0: there '{found.ElementAtOrDefault(at)}', at rank 0 "
                + $"'{expected.ElementAtOrDefault(at)}'. Start all ranks with the same command, recipe file and version of Cresset.");
    }

    /// <summary>Refuses ranks that read other data than rank 0: every file or value of all parts.</summary>
    public static void CompareData(ICommunicator ranks, DataSplit data)
    {
        if (ranks.Size == 1) return;
        var all = ranks.Gather(Encoding.UTF8.GetBytes(data.Fingerprint.ToString())).Select(part => Encoding.UTF8.GetString(part)).ToList();
        var others = Enumerable.Range(1, all.Count - 1).Where(rank => all[rank] != all[0]).ToList();
        if (others.Count == 0) return;
        throw new CommunicationException(
            $"{Who(others)} reads other data than rank 0: {data.Facts.Name} there are {all[others[0]].Split(':')[0]} files or examples, at "
                + $"rank 0 {all[0].Split(':')[0]}, with other contents. Give every host the same files, or a disk that all share.");
    }

    /// <summary>Refuses a job that one process must do.</summary>
    public static void CheckJob(ICommunicator ranks, ResolvedRecipe recipe)
    {
        if (ranks.Size > 1 && recipe.Job is not (Job { RunsOnRanks: true } or IChoosesJob))
            throw new NotSupportedException(
                $"The job '{recipe.Job.Name}' runs in one process, and {ranks.Size} ranks were started; leave out mpirun or 'launch'. Jobs "
                    + $"that train one model with the common trainer, and agents, run on several.");
        foreach (var agents in recipe.Options.Values.OfType<AgentLoopOptions>().Where(o => o.Environments < ranks.Size))
            throw new ArgumentException(
                $"training.environments is {agents.Environments}: each of the {ranks.Size} ranks steps one copy at least. Set "
                    + $"training.environments={ranks.Size} or more, or start fewer ranks.");
        foreach (var trainer in recipe.Options.Values.OfType<TrainerOptions>()) trainer.CheckFor(ranks.Size);
    }

    private static string Who(IReadOnlyList<int> others) =>
        others.Count == 1 ? $"Rank {others[0]}" : $"Each of the ranks {string.Join(", ", others)}";
}
