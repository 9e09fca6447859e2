using Cresset.Plots;
using Cresset.Runs;

namespace Cresset.Samples.Snippets;

/// <summary>docs/runs.md.</summary>
internal static class RunSnippets
{
    public static void Recording()
    {
        var loss = 0.5;
        var png = new Picture(1, 1, [0, 0, 0, 255]).ToPng();
        using var store = RunStore.Open("runs");
        using var run = store.Begin("my-experiment", "train", new Dictionary<string, string> { ["lr"] = "0.001" });
        for (var step = 0; step < 1000; step++)
            run.Scalar("train/loss", step, loss);           // well below a microsecond; stored at most 250 ms later
        run.Picture("samples", 1000, png);                  // a file in samples/ and a row
        run.Finish(RunStatus.Finished, new Dictionary<string, double> { ["accuracy"] = 0.98 });
    }

    public static void Reading()
    {
        using var store = RunStore.OpenReadOnly("runs");    // works beside a recording process and in read-only folders
        var run = store.Find("my-exp");                     // id, name (newest), "latest", beginning or end of one id
        var last = store.LastValues(run.Id)["train/loss"].Value;
        var points = store.ReadSeries(run.Id, "train/loss");                          // every point, exactly
        var pixels = store.ReadSeries(run.Id, "train/loss", 0, 1_000_000, 1000);      // at most 1000 buckets: min, max, mean
        store.ExportCsv(run.Id, Console.Out);
        Directory.CreateDirectory("lightning_logs/version_0");
        foreach (var events in Directory.GetFiles(Path.Combine("runs", run.Id), "events.out.tfevents.*"))
            File.Copy(events, Path.Combine("lightning_logs/version_0", Path.GetFileName(events)), overwrite: true);
        Foreign();
    }

    private static void Foreign()
    {
        using var foreign = new EventLog("lightning_logs/version_0");                 // anyone's TensorBoard files
    }
}
