using Cresset.Numerics;

namespace Cresset.Rl.Deep;

/// <summary>How a replay buffer keeps the values of observations.</summary>
public enum ReplayStorage
{
    /// <summary>As they are, 4 bytes each.</summary>
    Float32,

    /// <summary>As bytes: pictures whose values are whole numbers from 0 to 255.</summary>
    Uint8,
}

/// <summary>How experience is kept and drawn.</summary>
public sealed record ReplayOptions : IOptionsRecord
{
    /// <summary>Transitions to keep; the oldest make room.</summary>
    public int Capacity { get; init; } = 100_000;

    /// <summary>Rewards to add up before bootstrapping (Sutton 1988; 1 is ordinary Q-learning).</summary>
    public int NStep { get; init; } = 1;

    /// <summary>Draw by priority instead of evenly (Schaul et al. 2016, proportional).</summary>
    public bool Prioritized { get; init; }

    /// <summary>Exponent of the priorities, in [0, 1]: 0 draws evenly.</summary>
    public double Alpha { get; init; } = 0.6;

    /// <summary>Exponent of the importance weights by environment step, in [0, 1]; 1 corrects the bias fully.</summary>
    public StepSizeRule Beta { get; init; } = StepSizeRule.Linear(0.4, 1, 100_000);

    /// <summary>Added to the size of an error so that no transition is lost.</summary>
    public double PriorityEpsilon { get; init; } = 1e-6;

    /// <summary>File to keep the transitions in, mapped into memory, for buffers larger than memory; null keeps them in memory.</summary>
    public string? File { get; init; }

    /// <summary>How an observation's values are kept.</summary>
    public ReplayStorage Storage { get; init; }

    /// <summary>
    /// Frames that an observation is a stack of (<see cref="FrameStack{TObservation,TAction}"/>): only the newest of each is kept.
    /// </summary>
    public int Frames { get; init; } = 1;

    /// <summary>
    /// Hindsight (Andrychowicz et al. 2017, "future"): for each transition as it was, so many are drawn as if what the episode came to
    /// later had been the goal; 4 in the paper, 0 for none. For worlds with goals (<see cref="IGoalEnvironment"/>).
    /// </summary>
    public int Hindsight { get; init; }

    /// <summary>File of recorded transitions (<c>cresset rl record</c>) that the buffer begins with; null for none.</summary>
    public string? Data { get; init; }

    /// <summary>
    /// Learn from <see cref="Data"/> alone: the environment is only there to be evaluated in, and a step is one that would have been taken.
    /// </summary>
    public bool Offline { get; init; }

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .AtLeast(Capacity, 1)
        .Within(NStep, 1, 1000)
        .Within(Alpha, 0, 1)
        .Nested(Beta)
        .Positive(PriorityEpsilon)
        .Defined(Storage)
        .Within(Frames, 1, 100)
        .Within(Hindsight, 0, 1000)
        .Must(Hindsight == 0 || (NStep == 1 && !Prioritized && Frames == 1), Hindsight, "0 beside n_step, prioritized or frames",
            "hindsight judges single steps anew, drawn evenly")
        .Must(File is not "", File, "a path, or null", field: nameof(File))
        .Must(Data is not "", Data, "a path, or null", field: nameof(Data))
        .Must(!Offline || Data is not null, Offline, "false without data", "set replay.data to a file that 'cresset rl record' wrote");

    /// <summary>The same without files of its own: for an agent that is made to see whether it can be.</summary>
    public ReplayOptions InMemory() => this with { File = null };

    /// <summary>The same without any file: for an agent that only plays.</summary>
    public ReplayOptions ForPlaying() => this with { File = null, Data = null, Offline = false };
}
