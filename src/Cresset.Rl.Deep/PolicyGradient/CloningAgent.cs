using Cresset.Numerics;
using Cresset.Tensors;
using static TorchSharp.torch;

namespace Cresset.Rl.Deep;

/// <summary>A policy that imitates recorded actions.</summary>
public sealed record CloningOptions : IOptionsRecord
{
    /// <summary>File of the transitions (<c>cresset rl record</c>).</summary>
    public string Data { get; init; } = "";

    /// <summary>What reads the observation; convolutions go through libtorch.</summary>
    public ObservationEncoder Encoder { get; init; }

    /// <summary>Where libtorch computes: auto, cpu, cuda or cuda:N.</summary>
    public string Device { get; init; } = "auto";

    /// <summary>Units of the hidden layers.</summary>
    public IReadOnlyList<int> Hidden { get; init; } = [64, 64];

    /// <summary>What follows each hidden layer.</summary>
    public MlpActivation Activation { get; init; } = MlpActivation.Tanh;

    /// <summary>Transitions an update; a step of the training is one transition seen.</summary>
    public int BatchSize { get; init; } = 64;

    /// <summary>Learning rate of Adam by step.</summary>
    public StepSizeRule LearningRate { get; init; } = StepSizeRule.Constant(1e-3);

    /// <summary>Weight of the entropy, which keeps the policy from being surer than its teacher.</summary>
    public double EntropyCoefficient { get; init; }

    /// <summary>Largest gradient norm; 0 leaves gradients alone.</summary>
    public double ClipNorm { get; init; } = 0.5;

    /// <summary>Logarithm of the deviation of continuous actions at the start.</summary>
    public double InitialLogDeviation { get; init; }

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .NotEmpty(Data, "a file that 'cresset rl record' wrote")
        .AtLeast(BatchSize, 1)
        .Concat(Learner.Validate());

    /// <summary>The policy gradient with every advantage 1 is the gradient of the likelihood.</summary>
    internal ActorCriticOptions Learner => ActorCriticOptions.A2c with
    {
        Encoder = Encoder,
        Device = Device,
        Hidden = Hidden,
        Activation = Activation,
        ValueCoefficient = 0,
        NormalizeAdvantages = false,
        EntropyCoefficient = EntropyCoefficient,
        Beta1 = 0.9,
        Beta2 = 0.999,
        LearningRate = LearningRate,
        ClipNorm = ClipNorm,
        InitialLogDeviation = InitialLogDeviation,
    };
}

/// <summary>
/// Behaviour cloning: makes the actions of a data set as likely as it can. The environment is only there to be evaluated in.
/// </summary>
/// <typeparam name="TAction">int for choices, float for continuous actions.</typeparam>
public sealed class CloningAgent<TAction> : RolloutAgent<TAction>
    where TAction : unmanaged
{
    private const string LearnedFrom = "data/fingerprint";
    private readonly CloningOptions _options;
    private readonly PolicyActions<TAction> _acting;
    private readonly ActorCritic _learner;
    private readonly TransitionData? _data;
    private readonly string? _fingerprint;
    private readonly ActorCriticBatch _batch;

    /// <summary>An agent that has imitated nothing yet.</summary>
    /// <param name="environments">Where it is to act, with <see cref="AutoresetMode.SameStep"/>; without masks and running moments, which a
    /// file does not hold.</param>
    /// <param name="options">Settings.</param>
    /// <param name="data">What is imitated; null for an agent that only plays.</param>
    /// <param name="seed">Fixes weights and draws.</param>
    /// <exception cref="ArgumentException">The data do not fit the environment.</exception>
    /// <exception cref="InvalidOptionsException">An option is not valid.</exception>
    public CloningAgent(VectorEnvironment<float, TAction> environments, CloningOptions options, TransitionData? data, ulong seed)
        : base(environments, seed)
    {
        ArgumentNullException.ThrowIfNull(options);
        (_options, _data, _fingerprint) = (options.ThrowIfInvalid(), data, data?.Fingerprint());
        _acting = new PolicyActions<TAction>(environments, options.InitialLogDeviation);
        if (data is not null) OfflineData.Check(environments, data, options.Data);
        _learner = new ActorCritic(ObservationSize, _acting.Distribution, options.Learner, options.BatchSize, Streams.Weights,
            PictureEncoder.Choose(environments.SingleObservationSpace, options.Encoder, null));
        _batch = new ActorCriticBatch(options.BatchSize, ObservationSize, _acting.Distribution.ActionSize);
        Array.Fill(_batch.Advantages, 1);
        environments.Reset(seed);
    }

    /// <inheritdoc/>
    public override string Algorithm => "behaviour-cloning";

    /// <inheritdoc/>
    protected override INetworkState Networks => _learner;

    /// <inheritdoc/>
    protected override IEnumerable<(string Name, double Value)> PolicyIdentity => [("activation", (int)_options.Activation)];

    /// <summary>One batch of the data.</summary>
    /// <exception cref="DivergenceException">A loss or gradient is no longer finite.</exception>
    /// <exception cref="InvalidOperationException">The agent was made without data.</exception>
    public override void Advance()
    {
        var data = _data ?? throw new InvalidOperationException("The agent was made without data: it only plays.");
        var (size, width) = (ObservationSize, data.ActionSize);
        for (var row = 0; row < _batch.Rows; row++)
        {
            var drawn = Streams.Replay.NextInt32(data.Count);
            data.Observations.AsSpan(drawn * size, size).CopyTo(_batch.Observations.AsSpan(row * size));
            for (var k = 0; k < width; k++) _batch.Actions[(row * width) + k] = _acting.Drawn(data.Actions[(drawn * width) + k], k);
        }
        Step += _batch.Rows;
        var figures = _learner.Evaluate(_batch);
        if (!double.IsFinite(figures.PolicyLoss) || !double.IsFinite(figures.Norm))
            throw new DivergenceException("Behaviour cloning", Step,
                double.IsFinite(figures.PolicyLoss) ? figures.Norm : figures.PolicyLoss);
        Figures.Add("loss", figures.PolicyLoss);
        Figures.Add("entropy", figures.Entropy);
        Figures.Add("gradient_norm", figures.Norm);
        _learner.Step(_options.LearningRate.At(Step), figures.Norm);
    }

    /// <inheritdoc/>
    public override void Act(ReadOnlySpan<float> observations, int count, Span<TAction> actions, ReadOnlySpan<bool> masks = default)
        => _acting.Greedy(_learner, observations, count, ObservationSize, actions, masks);

    /// <inheritdoc/>
    public override void Save(Snapshot state)
    {
        base.Save(state);
        if (_fingerprint is not null) state.Put(LearnedFrom, _fingerprint);
    }

    /// <inheritdoc/>
    protected override void LoadAll(Snapshot state)
    {
        // Transitions are drawn by their numbers: of another file the same numbers are others. Earlier versions saved no fingerprint.
        if (_fingerprint is not null && state.Has(LearnedFrom) && state.Text(LearnedFrom) != _fingerprint)
            throw new InvalidDataException(
                $"{_options.Data} holds other transitions than those that were learned from so far: bring back the file of then, or begin "
                    + "a new run.");
        base.LoadAll(state);
    }

    /// <inheritdoc/>
    public override void Report(Action<string, double> figure)
    {
        base.Report(figure);
        figure("learning_rate", _options.LearningRate.At(Step));
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing) _learner.Dispose();
        base.Dispose(disposing);
    }
}
