using Cresset.Numerics;
using static TorchSharp.torch.nn;

namespace Cresset.Optim;

/// <summary>
/// An optimizer as its paper states it: the hyper-parameters and the update of one parameter. An <see cref="Optimizer"/> applies it to
/// groups of parameters and owns everything else. A rule of one's own overrides <see cref="Start"/> and <see cref="Update"/>; with
/// <see cref="PartAttribute"/> a recipe can name it.
/// </summary>
[PartKind("optimizer")]
public abstract record OptimizerRule : IOptionsRecord
{
    /// <summary>Step size, at least 0. Schedules change it per group.</summary>
    public double LearningRate { get; init; }

    /// <summary>
    /// Weight decay, at least 0; each rule says whether it is coupled (an L2 term in the gradient) or decoupled (a direct shrinking of the
    /// weights).
    /// </summary>
    public double WeightDecay { get; init; }

    /// <summary>Climb instead of descend: the gradient is negated before anything else, the decay keeps its sign.</summary>
    public bool Maximize { get; init; }

    /// <summary>
    /// True when a step evaluates the loss several times, so that
    /// <see cref="Optimizer.Step(Func{double}, GradientClipping?, double, WeightAverage?)"/> is the only way.
    /// </summary>
    public virtual bool NeedsClosure => false;

    /// <summary>The number that momentum cycling changes (momentum, or Adam's first beta); null when there is none.</summary>
    protected internal virtual double? CycledMomentum => null;

    /// <summary>True when momentum may reach or exceed 1, as PyTorch allows in SGD.</summary>
    protected internal virtual bool AllowsAnyMomentum => false;

    /// <summary>The name that saved states carry.</summary>
    internal string StateName => GetType().Name is var name && name.EndsWith("Rule", StringComparison.Ordinal) ? name[..^4] : name;

    /// <summary>
    /// True when a step first looks at all parameters together: <see cref="Survey"/> runs for each before any <see cref="Update"/>.
    /// </summary>
    protected internal virtual bool Surveys => false;

    /// <summary>The optimizer of this rule over <paramref name="module"/>, in the groups of <see cref="GroupsFor"/>.</summary>
    public Optimizer Build(Module module) => new(module, this);

    /// <summary>The optimizer of this rule over groups.</summary>
    public Optimizer Build(IEnumerable<ParameterGroupSpec> groups) => new(groups, this);

    /// <summary>
    /// The groups in which this rule trains a module: all that requires a gradient, unless the rule treats kinds of parameters differently.
    /// </summary>
    /// <param name="module">The module.</param>
    /// <param name="exemptFromDecay">Give biases, norms and embeddings a group without weight decay.</param>
    public virtual IReadOnlyList<ParameterGroupSpec> GroupsFor(Module module, bool exemptFromDecay = false)
        => exemptFromDecay ? ParameterGroups.NoDecayForBiasesAndNorms(module) : ParameterGroups.All(module);

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate()
    {
        var checks = new OptionChecks()
            .AtLeast(LearningRate, 0.0, "The usual range is 1e-5 to 1.")
            .AtLeast(WeightDecay, 0.0, "Decay shrinks weights: give its size without a sign.");
        Check(checks);
        return checks;
    }

    /// <summary>Adds the checks of the rule's own options.</summary>
    protected virtual void Check(OptionChecks checks)
    {
    }

    /// <summary>Adds the state of a parameter before its first update.</summary>
    protected internal virtual void Start(in Slot s)
    {
    }

    /// <summary>
    /// One update in tensor operations, in place on the slot's parameter (float32 or float64; half-precision weights arrive as a float32
    /// copy).
    /// The gradient is already negated for maximization, scaled and clipped; it may be changed only through a copy. The step already counts
    /// this one.
    /// </summary>
    protected internal abstract void Update(in Slot s);

    /// <summary>Called once before the updates of a step, before any <see cref="Survey"/>.</summary>
    protected internal virtual void Begin(RuleStep step)
    {
    }

    /// <summary>
    /// Looks at one parameter before the updates; the same slot as for <see cref="Update"/>, whose parameter may not be changed here.
    /// </summary>
    protected internal virtual void Survey(in Slot s)
    {
    }

    /// <summary>Called after the last <see cref="Survey"/> of a step.</summary>
    protected internal virtual void Surveyed(RuleStep step)
    {
    }

    /// <summary>
    /// The weight of the state "z" towards which <see cref="Optimizer.Train"/> and <see cref="Optimizer.Eval"/> move the parameter; null
    /// for rules with one point.
    /// </summary>
    private protected virtual double? Towards(bool evaluation) => null;

    internal double? PointOf(bool evaluation) => Towards(evaluation);

    /// <summary>What the rule keeps over all parameters together.</summary>
    internal virtual SharedNumbers CreateNumbers() => new();

    /// <summary>
    /// State tensors that only some steps make (a momentum buffer that a schedule switches on), beyond those of <see cref="Start"/>.
    /// </summary>
    internal virtual bool IsOptionalSlot(string slot) => false;

    /// <summary>How gradients that hold some rows only (of an embedding) are applied.</summary>
    internal virtual SparseUpdate SparseUpdateOf(ParameterGroup group) => SparseUpdate.Refused;

    /// <summary>The batch that collects fused updates; null when the rule has no kernel.</summary>
    internal virtual FusedBatch? CreateBatch() => null;

    /// <summary>Adds one eligible parameter to the batch; false when these options have no kernel.</summary>
    internal virtual bool TryFuse(FusedBatch batch, in ActiveParameter item) => false;

    /// <summary>Runs a whole step of a rule that <see cref="NeedsClosure"/>; returns the loss before it.</summary>
    internal virtual double Minimize(Optimizer optimizer, Func<double> closure)
        => throw new NotSupportedException($"{GetType().Name} does not evaluate the loss itself.");
}

/// <summary>What a rule does with a gradient that holds some rows only.</summary>
internal enum SparseUpdate
{
    /// <summary>It needs every element.</summary>
    Refused,

    /// <summary>Only the rows and their state move; the others are left alone, as PyTorch's SparseAdam does.</summary>
    Rows,

    /// <summary>Absent rows are gradients of 0.</summary>
    Dense,
}
