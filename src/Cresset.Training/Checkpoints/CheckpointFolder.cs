using System.Security.Cryptography;
using Cresset.Distributed;
using Cresset.Runs;
using Cresset.Tensors;

namespace Cresset.Training;

/// <summary>
/// The checkpoints of one run: safetensors files and <c>index.json</c> with their hashes. A file is complete before it gets its name, and
/// listed only after that; a damaged one is passed over for the one before, and a damaged or missing index is made up from the files.
/// </summary>
public sealed class CheckpointFolder
{
    /// <summary>Uses a folder, which need not exist yet.</summary>
    public CheckpointFolder(string path)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        FolderPath = path;
    }

    /// <summary>The folder.</summary>
    public string FolderPath { get; }

    /// <summary>All checkpoints, oldest first.</summary>
    public IReadOnlyList<Checkpoint> List() => CheckpointIndex.Read(FolderPath);

    /// <summary>
    /// Saves a checkpoint, then drops those that need not be kept and what killed saves left behind. The newest is always kept.
    /// </summary>
    public Checkpoint Save(int step, Snapshot state, double? metric, int keepLast, HeadlineMetric? keepBest)
    {
        ArgumentNullException.ThrowIfNull(state);
        var name = CheckpointIndex.NameOf(step);
        var path = Path.Combine(FolderPath, name);
        CheckpointDigest.Add(state, metric);
        state.Write(path);
        var saved = new Checkpoint(step, name, Hash(path), metric);
        var all = List().Where(c => c.Step < step).Append(saved).ToList();
        var kept = Retain(all, keepLast, keepBest);
        CheckpointIndex.Write(FolderPath, kept);
        foreach (var dropped in all.Except(kept)) File.Delete(Path.Combine(FolderPath, dropped.File));
        SweepLeftovers();
        return saved;
    }

    /// <summary>
    /// Opens the newest checkpoint that is whole, or null when there is none; <paramref name="passedOver"/> names damaged ones.
    /// </summary>
    public OpenedCheckpoint? OpenNewest(out IReadOnlyList<string> passedOver) =>
        OpenFirst(List().OrderByDescending(c => c.Step), out passedOver);

    /// <summary>Opens the checkpoint with the best metric (the newest where none has one), or null.</summary>
    public OpenedCheckpoint? OpenBest(HeadlineMetric metric, out IReadOnlyList<string> passedOver)
    {
        ArgumentNullException.ThrowIfNull(metric);
        var sign = metric.HigherIsBetter ? -1 : 1;
        return OpenFirst(List().OrderBy(c => c.Metric is { } m && !double.IsNaN(m) ? sign * m : double.PositiveInfinity)
            .ThenByDescending(c => c.Step), out passedOver);
    }

    /// <summary>
    /// Lets <paramref name="state"/> go on from the newest whole checkpoint, if there is one, and makes <paramref name="recorder"/> forget
    /// what was recorded after it, which will be recorded again. Everybody who resumes does it here.
    /// </summary>
    /// <param name="state">What to restore; all or nothing.</param>
    /// <param name="recorder">The run.</param>
    /// <param name="notices">Damaged checkpoints that were passed over, a sentence each.</param>
    /// <param name="ranks">Ranks that go on together: the folder is read by rank 0 alone, which gives the others what it finds. Null for
    /// one process.</param>
    /// <returns>The checkpoint it goes on from; null when the work begins.</returns>
    public Checkpoint? Resume(ISaved state, IRunRecorder recorder, out IReadOnlyList<string> notices, ICommunicator? ranks = null)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(recorder);
        if (ranks is { Size: > 1 }) return ResumeTogether(state, recorder, out notices, ranks);
        SweepLeftovers();
        using var opened = OpenNewest(out var damaged);
        notices = [.. damaged.Select(d => $"{d}; the checkpoint before it is used.")];
        if (opened is not null)
        {
            using var saved = Snapshot.From(opened.Source);
            CheckpointDigest.Skip(saved);
            saved.Restore(state);
        }
        recorder.TruncateAfter(opened?.Checkpoint.Step ?? -1);
        return opened?.Checkpoint;
    }

    private Checkpoint? ResumeTogether(ISaved state, IRunRecorder recorder, out IReadOnlyList<string> notices, ICommunicator ranks)
    {
        notices = [];
        Checkpoint? newest = null;
        if (ranks.Rank == 0)
        {
            SweepLeftovers();
            using var opened = OpenNewest(out var damaged);
            notices = [.. damaged.Select(d => $"{d}; the checkpoint before it is used.")];
            newest = opened?.Checkpoint;
        }
        var (path, isCopy) = RankedResume.Share(ranks, newest is null ? null : Path.Combine(FolderPath, newest.File));
        if (path is not null)
        {
            try
            {
                using var saved = Snapshot.Read(path);
                CheckpointDigest.Skip(saved);
                saved.Restore(state);
            }
            finally
            {
                if (isCopy) File.Delete(path);
            }
        }
        if (ranks.Rank == 0) recorder.TruncateAfter(newest?.Step ?? -1);
        // What counts elsewhere is only that there was one.
        return newest ?? (path is null ? null : new Checkpoint(0, "", "", null));
    }

    private OpenedCheckpoint? OpenFirst(IEnumerable<Checkpoint> candidates, out IReadOnlyList<string> passedOver)
    {
        var damaged = new List<string>();
        passedOver = damaged;
        foreach (var candidate in candidates)
        {
            var path = Path.Combine(FolderPath, candidate.File);
            if (!File.Exists(path)) damaged.Add($"{path} is missing");
            else if (!IsWhole(path, candidate)) damaged.Add($"{path} is damaged (its SHA-256 is not the recorded one)");
            else return new OpenedCheckpoint(candidate, SafetensorsFile.Open(path));
        }
        return null;
    }

    private static bool IsWhole(string path, Checkpoint candidate)
    {
        if (candidate.Sha256.Length > 0 && Hash(path) == candidate.Sha256) return true;
        if (CheckpointDigest.Holds(path)) return true;
        // Checkpoints of earlier versions carry no digest: without an index they are taken when they open, since files get their name only
        // when they are complete.
        return candidate.Sha256.Length == 0 && CheckpointDigest.IsOfEarlierVersion(path);
    }

    private static List<Checkpoint> Retain(List<Checkpoint> all, int keepLast, HeadlineMetric? keepBest)
    {
        var kept = all.TakeLast(keepLast).ToHashSet();
        if (keepBest is not null)
        {
            Checkpoint? best = null;
            foreach (var candidate in all)
            {
                if (candidate.Metric is { } metric && keepBest.Improves(metric, best?.Metric ?? double.NaN)) best = candidate;
            }
            if (best is not null) kept.Add(best);
        }
        return all.Where(kept.Contains).ToList();
    }

    // Only one process records a run at a time, so a temporary file that is not of this process belongs to a save that was killed.
    private void SweepLeftovers()
    {
        if (!Directory.Exists(FolderPath)) return;
        foreach (var path in Directory.EnumerateFiles(FolderPath, "*.tmp"))
        {
            if (!Path.GetFileName(path).Contains($".{Environment.ProcessId}.", StringComparison.Ordinal)) File.Delete(path);
        }
    }

    private static string Hash(string path)
    {
        using var stream = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }
}
