using Cresset.Optim;
using Cresset.Runs;
using Cresset.Tensors;
using Cresset.Training;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Training;

[LeakFree]
public sealed class TrainerTests : IDisposable
{
    private static readonly TrainerOptions Options = new()
    {
        Steps = 60,
        BatchSize = 16,
        Accumulate = 2,
        EmaDecay = 0.9,
        EvaluateEvery = 20,
        CheckpointEvery = 10,
        KeepLast = 3,
        Seed = 5
    };
    private static readonly OptimizationOptions Optimization =
        new() { Optimizer = new AdamWRule { LearningRate = 1e-2, WeightDecay = 0.01 }, WarmupSteps = 5 };
    private readonly string _folder = Directory.CreateTempSubdirectory("cresset-trainer-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    // libtorch would go on and leave NaN in the running variance, which only the next evaluation shows.
    [Theory]
    [InlineData(1, 1)]
    [InlineData(4, 4)]
    public void OneValueAChannelIsNoBatch(int batch, int accumulate)
    {
        using var task = new LineTask();
        using var trainer = new Trainer(task, Options with { BatchSize = batch, Accumulate = accumulate, Steps = 2 }, Optimization,
            NullRunRecorder.Instance);
        var message = Assert.Throws<ArgumentException>(() => trainer.Run()).Message;
        Assert.Contains("'norm'", message, StringComparison.Ordinal);
        Assert.Contains("[1, 16]", message, StringComparison.Ordinal);
        using var scope = NewDisposeScope();
        Assert.All(task.Module.named_buffers(), b => Assert.True(b.buffer.to(ScalarType.Float32).isfinite().all().ToBoolean()));
    }

    [Fact]
    public void InterruptedAndResumedRunsEndWithTheSameBits()
    {
        var expected = Train(Path.Combine(_folder, "whole"), Options, null);
        // Stopped after the step that saved, between two checkpoints, right at the start, and twice.
        foreach (var stops in new int[][] { [10], [17], [1], [13, 44], [59] })
        {
            var folder = Path.Combine(_folder, string.Join('-', stops));
            foreach (var stop in stops) Assert.Equal(TrainingEnd.Cancelled, Interrupt(folder, stop).End);
            Assert.Equal(expected, Train(folder, Options, null));
        }
    }

    [Fact]
    public void ADamagedCheckpointIsPassedOverForTheOneBefore()
    {
        var whole = Path.Combine(_folder, "whole");
        var expected = Train(whole, Options, null);
        var folder = Path.Combine(_folder, "torn");
        Interrupt(folder, 35);
        var newest = new CheckpointFolder(folder).List()[^1];
        var path = Path.Combine(folder, newest.File);
        var bytes = File.ReadAllBytes(path);
        bytes[^5] ^= 1;
        File.WriteAllBytes(path, bytes);
        using (var opened = new CheckpointFolder(folder).OpenNewest(out var damaged))
        {
            Assert.Equal(30, opened!.Checkpoint.Step);
            Assert.Contains("is damaged", Assert.Single(damaged), StringComparison.Ordinal);
        }
        Assert.Equal(expected, Train(folder, Options, null));
    }

    [Fact]
    public void SeedsDecideTheWeights()
    {
        var first = Train(Path.Combine(_folder, "a"), Options, null);
        Assert.Equal(first, Train(Path.Combine(_folder, "b"), Options, null));
        Assert.NotEqual(first, Train(Path.Combine(_folder, "c"), Options with { Seed = 6 }, null));
    }

    [Fact]
    public void LookingAtAModelDoesNotChangeItsTraining()
        => Assert.Equal(
            Train(Path.Combine(_folder, "often"), Options with { EvaluateEvery = 3, PicturesEvery = 7, EmaDecay = 0 }, null),
            Train(Path.Combine(_folder, "never"), Options with { EvaluateEvery = 0, EmaDecay = 0 }, null));

    [Fact]
    public void WorkersDoNotChangeTheResult()
        => Assert.Equal(Train(Path.Combine(_folder, "0"), Options with { Workers = 0 }, null),
            Train(Path.Combine(_folder, "4"), Options with { Workers = 4 }, null));

    [Fact]
    public void NotANumberStopsWithStepAndLastGoodCheckpoint()
    {
        var folder = Path.Combine(_folder, "nan");
        var error = Assert.Throws<TrainingDivergedException>(() => Train(folder, Options, new LineTask { PoisonAt = 27 }));
        Assert.Equal(27, error.Step);
        Assert.Contains("the loss is NaN", error.Message, StringComparison.Ordinal);
        Assert.Contains("step-00000020.safetensors", error.Message, StringComparison.Ordinal);
        Assert.Equal(20, new CheckpointFolder(folder).List()[^1].Step);
    }

    // The moving moments of a norm do not reach the loss of training, so that only the look at the state before it is written can find
    // them.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void AStateThatIsNotFiniteIsNeverSaved(bool background)
    {
        var folder = Path.Combine(_folder, "unfit");
        Seeding.Apply(1);
        LineTask? task = null;
        using var made = new LineTask
        {
            OnStep = step =>
            {
                if (step == 25)
                    StateDict.Of(task!.Module)["norm.running_mean"].fill_(double.NaN);
            }
        };
        task = made;
        var options = Options with { BackgroundCheckpoints = background, EvaluateEvery = 0 };
        using var trainer = new Trainer(task, options, Optimization, NullRunRecorder.Instance, new CheckpointFolder(folder));
        var error = Assert.Throws<TrainingDivergedException>(() => trainer.Run(cancellation: TestContext.Current.CancellationToken));
        Assert.Equal(30, error.Step);
        Assert.Contains("running_mean' holds values that are not finite", error.Message, StringComparison.Ordinal);
        Assert.Contains("step-00000020.safetensors", error.Message, StringComparison.Ordinal);
        Assert.Equal(20, new CheckpointFolder(folder).List()[^1].Step);
    }

    [Fact]
    public void PatienceEndsTrainingEarly()
    {
        Seeding.Apply(1);
        using var task = new LineTask { FixedError = 1 };
        using var trainer = new Trainer(task, Options with { EvaluateEvery = 5, Patience = 2 }, Optimization, NullRunRecorder.Instance);
        var result = trainer.Run(cancellation: TestContext.Current.CancellationToken);
        Assert.Equal((TrainingEnd.StoppedEarly, 15), (result.End, result.Step));
        Assert.Equal(5, result.BestStep);
    }

    [Fact]
    public void AskingForAnEvaluationCostsNoPatienceAndIsNotDoneTwice()
    {
        Seeding.Apply(1);
        Trainer? asked = null;
        var evaluations = 0;
        using var task = new LineTask { FixedError = 1, OnEvaluate = () => evaluations++, OnStep = _ => asked!.Control.Evaluate() };
        using var trainer = new Trainer(task, Options with { EvaluateEvery = 5, Patience = 2 }, Optimization, NullRunRecorder.Instance);
        asked = trainer;
        var result = trainer.Run(cancellation: TestContext.Current.CancellationToken);
        // The first evaluation that was asked for is the best; those of steps 5 and 10 are no better. Each step was evaluated once.
        Assert.Equal((TrainingEnd.StoppedEarly, 10, 1), (result.End, result.Step, result.BestStep));
        Assert.Equal(10, evaluations);
    }

    [Fact]
    public void KeepsTheLastOnesAndTheBest()
    {
        var folder = Path.Combine(_folder, "keep");
        Train(folder, Options with { KeepLast = 2, EvaluateEvery = 10 }, null);
        var kept = new CheckpointFolder(folder).List();
        Assert.Equal([50, 60], kept.TakeLast(2).Select(c => c.Step));
        Assert.InRange(kept.Count, 2, 3);
        Assert.Equal(kept.Select(c => c.File).Order(),
            Directory.GetFiles(folder, "*.safetensors").Select(f => Path.GetFileName(f)!).Order());
    }

    [Fact]
    public void ARunKilledAfterItsLastCheckpointRecordsNothingTwice()
    {
        var folder = Path.Combine(_folder, "last");
        var evaluations = 0;
        using var task = new LineTask { OnEvaluate = () => evaluations++ };
        var (first, bits) = TrainWith(folder, Options, task, TestContext.Current.CancellationToken);
        Assert.Equal(3, evaluations);
        var (again, same) = TrainWith(folder, Options, task, TestContext.Current.CancellationToken);
        Assert.Equal(3, evaluations);
        Assert.Equal(first.Metrics, again.Metrics);
        Assert.Equal((TrainingEnd.Completed, bits), (again.End, same));
    }

    [Fact]
    public void ARunThatStoppedEarlyIsNotTrainedOnWhenResumed()
    {
        var folder = Path.Combine(_folder, "early");
        var options = Options with { Patience = 1, CheckpointEvery = 20 };
        using var task = new LineTask { FixedError = 1 };
        var (first, bits) = TrainWith(folder, options, task, TestContext.Current.CancellationToken);
        var (again, same) = TrainWith(folder, options, task, TestContext.Current.CancellationToken);
        Assert.Equal((TrainingEnd.StoppedEarly, 40), (first.End, first.Step));
        Assert.Equal((TrainingEnd.StoppedEarly, 40, bits), (again.End, again.Step, same));
    }

    [Fact]
    public void AnotherBatchSizeOrModelIsRefusedOnResume()
    {
        var folder = Path.Combine(_folder, "other");
        Interrupt(folder, 12);
        Assert.Contains("batch_size=16",
            Assert.Throws<InvalidDataException>(() => Train(folder, Options with { BatchSize = 8 }, null)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void LiveTensorsStayConstant()
    {
        Seeding.Apply(3);
        var counts = new List<long>();
        using var task = new LineTask
        {
            OnStep = step =>
            {
                if (step % 500 == 499)
                    counts.Add(DisposeScopeManager.Statistics.ThreadTotalLiveCount);
            }
        };
        using var trainer = new Trainer(task, Options with { Steps = 10_000, Accumulate = 1, EvaluateEvery = 500, CheckpointEvery = 0 },
            Optimization, NullRunRecorder.Instance);
        trainer.Run(cancellation: TestContext.Current.CancellationToken);
        Assert.Equal(counts[1], counts[^1]);
    }

    [Fact]
    public void Bfloat16FallsBackWithANoticeWhereTheHardwareHasNone()
    {
        Seeding.Apply(3);
        using var task = new LineTask();
        using var trainer = new Trainer(task, Options with { Precision = Precision.Bfloat16, Steps = 3 }, Optimization,
            NullRunRecorder.Instance);
        Assert.Equal(ComputeDevice.HasBFloat16(CPU), trainer.PrecisionNotice is null);
        Assert.Equal(ComputeDevice.HasBFloat16(CPU) ? ScalarType.BFloat16 : ScalarType.Float32, task.Module.parameters().First().dtype);
        Assert.Equal(3, trainer.Run(cancellation: TestContext.Current.CancellationToken).Step);
        using var scope = NewDisposeScope();
        using var off = no_grad();
        Assert.Equal(ScalarType.Float32, ((nn.Module<Tensor, Tensor>)task.Module).call(zeros(4, 1)).dtype);
    }

    private static TrainingResult Interrupt(string folder, int after)
    {
        using var source = new CancellationTokenSource();
        return TrainWith(folder, Options, new LineTask { OnStep = step => { if (step == after - 1) source.Cancel(); } },
            source.Token).Result;
    }

    private static string Train(string folder, TrainerOptions options, LineTask? task) =>
        TrainWith(folder, options, task ?? new LineTask(), TestContext.Current.CancellationToken).Bits;

    private static (TrainingResult Result, string Bits) TrainWith(string folder, TrainerOptions options, LineTask made,
        CancellationToken cancellation)
    {
        made.Dispose();
        Seeding.Apply(options.Seed);
        using var task = new LineTask
        {
            PoisonAt = made.PoisonAt,
            OnStep = made.OnStep,
            FixedError = made.FixedError,
            OnEvaluate = made.OnEvaluate
        };
        using var trainer = new Trainer(task, options, Optimization, NullRunRecorder.Instance, new CheckpointFolder(folder));
        trainer.TryResume(out _);
        var result = trainer.Run(cancellation: cancellation);
        using var scope = NewDisposeScope();
        var bits = trainer.InEvaluation(
            () => string.Concat(StateDict.Of(task.Module).OrderBy(p => p.Key)
                .Select(p => p.Key + Convert.ToHexString(p.Value.detach().cpu().contiguous().bytes))));
        return (result, bits);
    }
}
