using Cresset.Benchmarks;
using Cresset.Benchmarks.Detection;
using Cresset.Benchmarks.Diffusion;
using Cresset.Benchmarks.Flows;
using Cresset.Benchmarks.Nn;
using Cresset.Benchmarks.Optim;
using Cresset.Benchmarks.Quantization;
using Cresset.Benchmarks.Rl;
using Cresset.Benchmarks.Runs;
using Cresset.Benchmarks.Training;

// One line a benchmark: its name, what runs it, and its arguments where run-all compares it with a peer.
Dictionary<string, Benchmark> benchmarks = new()
{
    ["activations"] = new(ActivationPasses.Run, "5 1", "5 2"),
    ["adamw"] = new(OptimizerSteps.Run, "big 9 1", "big 9 2", "small 15 1", "small 15 2", "pipeline 9 1"),
    ["language"] = new(LanguageSteps.Run, "9 1", "9 2"),
    ["interpolate"] = new(InterpolatePasses.Run, "5 1"),
    ["allocator"] = new(AllocatorTuningGain.Run),
    ["detection-score"] = new(ScoreCocoSet.Run, "--images 1000"),
    ["flow-memory"] = new(FlowMemory.Run),
    ["flow-steps"] = new(FlowSteps.Run, "15 1"),
    ["ranks-messages"] = new(RankMessages.Run),
    ["ranks-step"] = new(RankSteps.Run),
    ["rl-dqn-cartpole"] = new(DqnEndToEnd.Run, "zoo 6000"),
    ["rl-dqn-update"] = new(DqnUpdateSpeed.Run, "120,84 128", "256,256 64"),
    ["rl-environments"] = new(EnvironmentSpeed.Run, "3"),
    ["conv-layouts"] = new(ConvLayouts.Run, "7 1", "7 2"),
    ["small-calls"] = new(SmallCalls.Run, ""),
    ["sd3-forward"] = new(Sd3Forward.Run, "2"),
    ["sd3-load"] = new(Sd3Load.Run),
    ["sd3-memory"] = new(Sd3Memory.Run),
    ["rl-figures"] = new(BookFigures.Run),
    ["rl-ppo-cartpole"] = new(PpoCartPole.Run, "1"),
    ["optimizer-steps"] = new(OptimizerSteps.Run),
    ["runs-scalars"] = new(RecordScalars.Run),
    ["checkpoint-stall"] = new(CheckpointStall.Run),
    ["trainer-overhead"] = new(TrainerOverhead.Run),
    ["vq-quantize"] = new(QuantizeStep.Run, ""),
    ["vq-sampling"] = new(PriorSampling.Run),
    ["vq-training-step"] = new(TrainingStep.Run, ""),
};

if (args is ["--rows"])
{
    foreach (var (name, benchmark) in benchmarks)
        foreach (var line in benchmark.Lines) Console.WriteLine($"{name} {line}".TrimEnd());
    return 0;
}
if (args.Length == 0 || !benchmarks.TryGetValue(args[0], out var chosen))
{
    Console.Error.WriteLine("usage: Cresset.Benchmarks NAME [arguments] | --rows; names: " + string.Join(", ", benchmarks.Keys.Order()));
    return 2;
}
return chosen.Run(args[1..]);
