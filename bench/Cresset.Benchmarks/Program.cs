using Cresset.Benchmarks.Detection;
using Cresset.Benchmarks.Diffusion;
using Cresset.Benchmarks.Flows;
using Cresset.Benchmarks.Nn;
using Cresset.Benchmarks.Optim;
using Cresset.Benchmarks.Quantization;
using Cresset.Benchmarks.Rl;
using Cresset.Benchmarks.Runs;
using Cresset.Benchmarks.Training;

// One line a benchmark: its name and what runs it with the rest of the command line.
Dictionary<string, Func<string[], int>> benchmarks = new()
{
    ["activations"] = ActivationPasses.Run,
    ["adamw"] = OptimizerSteps.Run,
    ["interpolate"] = InterpolatePasses.Run,
    ["allocator"] = AllocatorTuningGain.Run,
    ["detection-score"] = ScoreCocoSet.Run,
    ["flow-memory"] = FlowMemory.Run,
    ["flow-steps"] = FlowSteps.Run,
    ["ranks-messages"] = RankMessages.Run,
    ["ranks-step"] = RankSteps.Run,
    ["rl-dqn-cartpole"] = DqnEndToEnd.Run,
    ["rl-dqn-update"] = DqnUpdateSpeed.Run,
    ["rl-environments"] = EnvironmentSpeed.Run,
    ["conv-layouts"] = ConvLayouts.Run,
    ["small-calls"] = SmallCalls.Run,
    ["sd3-forward"] = Sd3Forward.Run,
    ["sd3-load"] = Sd3Load.Run,
    ["sd3-memory"] = Sd3Memory.Run,
    ["rl-figures"] = BookFigures.Run,
    ["rl-ppo-cartpole"] = PpoCartPole.Run,
    ["optimizer-steps"] = OptimizerSteps.Run,
    ["runs-scalars"] = RecordScalars.Run,
    ["checkpoint-stall"] = CheckpointStall.Run,
    ["trainer-overhead"] = TrainerOverhead.Run,
    ["vq-quantize"] = QuantizeStep.Run,
    ["vq-sampling"] = PriorSampling.Run,
    ["vq-training-step"] = TrainingStep.Run,
};

if (args.Length == 0 || !benchmarks.TryGetValue(args[0], out var run))
{
    Console.Error.WriteLine("usage: Cresset.Benchmarks NAME [arguments]; names: " + string.Join(", ", benchmarks.Keys.Order()));
    return 2;
}
return run(args[1..]);
