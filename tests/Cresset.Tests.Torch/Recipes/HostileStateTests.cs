using System.Text;
using Cresset.Data;
using Cresset.Recipes;
using Cresset.Tensors;
using Cresset.Training;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Recipes;

/// <summary>
/// Files beside a run that were damaged or written by a stranger: checkpoints and their index, models and what they say of themselves,
/// policies,
/// IDX files. CRESSET_TEST_MUTATIONS makes the run longer.
/// </summary>
public sealed class HostileStateTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-hostile-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void WhateverTheIndexSaysTheWholeCheckpointsAreFound()
    {
        var folder = new CheckpointFolder(_folder);
        foreach (var step in (int[])[10, 20, 30])
        {
            using var state = new Snapshot();
            state.Put("step", step);
            state.Put("w", [step, 1f, 2f]);
            folder.Save(step, state, step == 20 ? 0.9 : 0.5, 3, new HeadlineMetric("accuracy", HigherIsBetter: true));
        }
        var path = Path.Combine(_folder, "index.json");
        ReaderFuzz.Run(File.ReadAllBytes(path), 250, bytes =>
        {
            File.WriteAllBytes(path, bytes);
            using var newest = folder.OpenNewest(out _);
            Assert.Equal(30, newest!.Checkpoint.Step);
            Assert.Equal([10, 20, 30], folder.List().Select(c => c.Step).Intersect([10, 20, 30]));
        });
    }

    [Fact]
    public void ADamagedCheckpointIsPassedOver()
    {
        var folder = new CheckpointFolder(_folder);
        foreach (var step in (int[])[10, 20])
        {
            using var state = new Snapshot();
            state.Put("step", step);
            state.Put("w", Values(step), 5, 8);
            folder.Save(step, state, null, 3, null);
        }
        var path = Path.Combine(_folder, folder.List()[1].File);
        ReaderFuzz.Run(File.ReadAllBytes(path), 250, bytes =>
        {
            File.WriteAllBytes(path, bytes);
            File.Delete(Path.Combine(_folder, "index.json"));
            var state = new Weights();
            folder.Resume(state, Cresset.Runs.NullRunRecorder.Instance, out _);
            // The damaged one is not taken, unless the damage lies where nothing is said (blanks of the header).
            Assert.True(state.Step is 10 or 20 && state.W.AsSpan().SequenceEqual(Values((int)state.Step)), $"step {state.Step}");
        });
    }

    [Fact]
    public void MutatedModelsAnswerOrAreRefused()
    {
        var path = Path.Combine(_folder, "model.safetensors");
        var options = new ClassifierOptions { Hidden = [4] };
        var facts = new DataFacts
        {
            Name = "rows",
            Shape = [3],
            Classes = ["a", "b"],
            Table = new TableFacts
            {
                Text = new CsvOptions(),
                Columns = [new TableColumn { Name = "area", Mean = 100, Deviation = 20 },
                    new TableColumn { Name = "heating", Levels = ["gas", "oil"] }]
            },
        };
        using (var net = new FeatureNet(3, 2, [4], 0)) StateDict.Save(net, path, ModelFile.Metadata("classifier", options, facts));
        var whole = File.ReadAllBytes(path);
        // The header's text is where all of it stands; damage to numbers alone cannot be seen.
        var header = 8 + (int)BitConverter.ToInt64(whole);
        var random = new Random(3);
        foreach (var i in ReaderFuzz.Cases(250))
        {
            var bytes = (byte[])whole.Clone();
            for (var k = random.Next(1, 4); k > 0; k--) bytes[random.Next(8, header)] = (byte)"0123456789abe{}[]\":,- \\n"[random.Next(24)];
            File.WriteAllBytes(path, bytes);
            try
            {
                using var model = TrainedModel.Open(path);
                model.PredictRow(new Dictionary<string, object?> { ["area"] = 1, ["heating"] = "gas" });
            }
            catch (Exception e) when (e is InvalidDataException or CheckpointException or ConfigException)
            {
            }
            catch (Exception e)
            {
                Assert.Fail($"case {i}: {e}\n{Encoding.UTF8.GetString(bytes, 8, header - 8)}");
            }
        }
    }

    [Fact]
    public void MutatedPoliciesAnswerOrAreRefused()
    {
        new SolvedPolicy("CliffWalking-v1", "sarsa", [.. Enumerable.Range(0, 48).Select(s => s % 4)],
            [.. Enumerable.Range(0, 48).Select(s => -s / 2.0)], []).Save(_folder);
        var path = Path.Combine(_folder, SolvedPolicy.FileName);
        ReaderFuzz.Run(File.ReadAllBytes(path), 500, bytes =>
        {
            File.WriteAllBytes(path, bytes);
            using var model = TrainedModel.Open(path);
            model.PredictRow(new Dictionary<string, object?> { ["state"] = 3 });
        });
    }

    [Fact]
    public void MutatedIdxFilesAreReadOrRefused()
    {
        byte[] plain = [0, 0, 8, 3, 0, 0, 0, 4, 0, 0, 0, 3, 0, 0, 0, 2, .. Enumerable.Range(0, 24).Select(i => (byte)i)];
        using var packed = new MemoryStream();
        using (var gzip = new System.IO.Compression.GZipStream(packed, System.IO.Compression.CompressionLevel.Optimal)) gzip.Write(plain);
        foreach (var whole in (byte[][])[plain, packed.ToArray()])
        {
            ReaderFuzz.Run(whole, 500, bytes =>
            {
                using var stream = new MemoryStream(bytes);
                IdxFile.Read(stream, "file");
            });
        }
    }

    private static float[] Values(int step) => [.. Enumerable.Range(0, 40).Select(i => step + (i / 64f))];

    private sealed class Weights : ISaved
    {
        public float[] W { get; private set; } = new float[40];

        public long Step { get; private set; }

        public void Save(Snapshot state)
        {
            state.Put("step", Step);
            state.Put("w", W, 5, 8);
        }

        public void Load(Snapshot state)
        {
            var w = new float[40];
            state.Get("w", w);
            (Step, W) = (state.Whole("step"), w);
        }
    }
}
