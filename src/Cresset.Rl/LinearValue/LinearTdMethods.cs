using Cresset.Numerics;

namespace Cresset.Rl;

/// <summary>
/// Semi-gradient TD(lambda) with accumulating, dutch or true online traces; importance ratios enter the traces (Sutton and Barto, equation
/// 12.25).
/// </summary>
public sealed class LinearTd : LinearValueLearner
{
    private readonly StepSizeRule _stepSize;
    private readonly double _lambda;
    private readonly TraceKind _kind;
    private readonly double[] _trace;
    private double _oldValue;

    /// <summary>Makes the learner; replacing traces need binary features and are not offered here.</summary>
    public LinearTd(int features, double gamma, StepSizeRule stepSize, double lambda = 0, TraceKind kind = TraceKind.Accumulating)
        : base(features, gamma)
    {
        if (kind == TraceKind.Replacing)
            throw new ArgumentException("Replacing traces are defined for binary features only; use SparseControl or another kind.",
                nameof(kind));
        _stepSize = stepSize.ThrowIfInvalid();
        _lambda = Discount.Checked(lambda, nameof(lambda));
        _kind = kind;
        _trace = new double[features];
    }

    /// <summary>The trace.</summary>
    public ReadOnlySpan<double> Trace => _trace;

    /// <inheritdoc/>
    public override void BeginEpisode()
    {
        Array.Clear(_trace);
        _oldValue = 0;
    }

    /// <inheritdoc/>
    protected override void Learn(ReadOnlySpan<double> features, double reward, ReadOnlySpan<double> nextFeatures, double ratio)
    {
        var alpha = _stepSize.At(Steps - 1);
        var value = Value(features);
        var nextValue = nextFeatures.IsEmpty ? 0 : Value(nextFeatures);
        var error = reward + (Gamma * nextValue) - value;
        var decay = Gamma * _lambda;
        var push = _kind == TraceKind.Accumulating ? 1 : 1 - (alpha * decay * Dot(_trace, features));
        for (var i = 0; i < _trace.Length; i++) _trace[i] = ratio * ((decay * _trace[i]) + (push * features[i]));
        if (_kind != TraceKind.TrueOnline)
        {
            AddScaled(Weights, alpha * error, _trace);
            return;
        }
        AddScaled(Weights, alpha * (error + value - _oldValue), _trace);
        AddScaled(Weights, -alpha * (value - _oldValue), features);
        _oldValue = nextValue;
    }
}

/// <summary>
/// Least-squares TD(lambda): the weights solve A w = b with A = sum z (x - gamma x')^T and b = sum z r (Bradtke and Barto 1996, Boyan
/// 2002).
/// </summary>
public sealed class LeastSquaresTd : LinearValueLearner
{
    private readonly double _lambda;
    private readonly double[] _trace;
    private readonly double[][] _matrix;
    private readonly double[] _right;
    private readonly double[] _squares;

    /// <summary>Makes the learner.</summary>
    /// <param name="features">Number of features.</param>
    /// <param name="gamma">Discount factor.</param>
    /// <param name="lambda">Trace parameter in [0, 1].</param>
    /// <param name="epsilon">
    /// Added to the diagonal at the start, so that there is a solution from the beginning; in the units of the squared features, which is
    /// why it is 0 unless chosen. See
    /// <see cref="Ridge"/> for one without units.
    /// </param>
    public LeastSquaresTd(int features, double gamma, double lambda = 0, double epsilon = 0)
        : base(features, gamma)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(epsilon);
        _lambda = Discount.Checked(lambda, nameof(lambda));
        _trace = new double[features];
        _right = new double[features];
        _squares = new double[features];
        _matrix = new double[features][];
        for (var i = 0; i < features; i++)
        {
            _matrix[i] = new double[features];
            _matrix[i][i] = epsilon;
        }
    }

    /// <summary>The matrix A, row by row.</summary>
    public IReadOnlyList<double[]> Matrix => _matrix;

    /// <summary>The vector b.</summary>
    public ReadOnlySpan<double> Right => _right;

    /// <inheritdoc/>
    public override void BeginEpisode() => Array.Clear(_trace);

    /// <summary>
    /// Added to each diagonal entry when solving, as a share of the sum of that feature's squares so far: the same for features of any
    /// size.
    /// </summary>
    public double Ridge { get; init; }

    /// <summary>
    /// Solves for the weights from everything seen so far and returns them; features that were never active keep the weight 0.
    /// </summary>
    /// <exception cref="InvalidOperationException">The matrix is singular: the features seen so far are linearly dependent.</exception>
    public double[] Solve()
    {
        int[] active = [.. Enumerable.Range(0, _right.Length).Where(i => _squares[i] > 0 || _matrix[i][i] != 0)];
        if (active.Length == 0) return Weights = new double[_right.Length];
        var matrix = Array.ConvertAll(active, i => Array.ConvertAll(active, j => _matrix[i][j] + (i == j ? Ridge * _squares[i] : 0)));
        var solved = LinearSystem.Solve(matrix, Array.ConvertAll(active, i => _right[i]))
            ?? throw new InvalidOperationException("The matrix of least-squares TD is singular: set a ridge (1e-9), or see more states.");
        var weights = new double[_right.Length];
        for (var k = 0; k < active.Length; k++) weights[active[k]] = solved[k];
        return Weights = weights;
    }

    /// <inheritdoc/>
    protected override void Learn(ReadOnlySpan<double> features, double reward, ReadOnlySpan<double> nextFeatures, double ratio)
    {
        for (var i = 0; i < _trace.Length; i++) _trace[i] = ratio * ((Gamma * _lambda * _trace[i]) + features[i]);
        for (var i = 0; i < _trace.Length; i++) _squares[i] += features[i] * features[i];
        for (var i = 0; i < _trace.Length; i++)
        {
            if (_trace[i] == 0) continue;
            AddScaled(_matrix[i], _trace[i], features);
            if (!nextFeatures.IsEmpty) AddScaled(_matrix[i], -Gamma * _trace[i], nextFeatures);
            _right[i] += _trace[i] * reward;
        }
    }
}

/// <summary>The gradient-TD methods, which converge off-policy where semi-gradients may diverge.</summary>
public enum GradientTdKind
{
    /// <summary>GTD2: descends the projected Bellman error along x - gamma x'.</summary>
    Gtd2,

    /// <summary>TDC: TD(0) with a gradient correction.</summary>
    Tdc,
}

/// <summary>
/// GTD2 and TDC (Sutton et al. 2009) with two step sizes: alpha for the weights, beta for the auxiliary estimate of the error.
/// </summary>
public sealed class GradientTd(int features, double gamma, GradientTdKind kind, StepSizeRule stepSize, StepSizeRule auxiliaryStepSize)
    : LinearValueLearner(features, gamma)
{
    private readonly StepSizeRule _alpha = stepSize.ThrowIfInvalid();
    private readonly StepSizeRule _beta = auxiliaryStepSize.ThrowIfInvalid();

    /// <summary>The auxiliary weights v, an estimate of the error as a linear function of the features.</summary>
    public double[] Auxiliary { get; } = new double[features];

    /// <inheritdoc/>
    protected override void Learn(ReadOnlySpan<double> features, double reward, ReadOnlySpan<double> nextFeatures, double ratio)
    {
        var alpha = _alpha.At(Steps - 1);
        var error = Error(features, reward, nextFeatures);
        var expected = Dot(Auxiliary, features);
        AddScaled(Weights, alpha * ratio * (kind == GradientTdKind.Gtd2 ? expected : error), features);
        if (!nextFeatures.IsEmpty) AddScaled(Weights, -alpha * ratio * Gamma * expected, nextFeatures);
        AddScaled(Auxiliary, _beta.At(Steps - 1) * ratio * (error - expected), features);
    }
}

/// <summary>Emphatic TD(lambda) (Sutton, Mahmood and White 2016): updates are weighted by how much the rest depends on the state.</summary>
public sealed class EmphaticTd(int features, double gamma, StepSizeRule stepSize, double lambda = 0) : LinearValueLearner(features, gamma)
{
    private readonly StepSizeRule _stepSize = stepSize.ThrowIfInvalid();
    private readonly double _lambda = Discount.Checked(lambda, nameof(lambda));
    private readonly double[] _trace = new double[features];
    private double _oldRatio = 1;

    /// <summary>Interest in the states seen; 1 unless set before a transition.</summary>
    public double Interest { get; set; } = 1;

    /// <summary>The follow-on trace F.</summary>
    public double FollowOn { get; private set; }

    /// <summary>The emphasis M of the last transition.</summary>
    public double Emphasis { get; private set; }

    /// <inheritdoc/>
    public override void BeginEpisode()
    {
        Array.Clear(_trace);
        FollowOn = 0;
        _oldRatio = 1;
    }

    /// <inheritdoc/>
    protected override void Learn(ReadOnlySpan<double> features, double reward, ReadOnlySpan<double> nextFeatures, double ratio)
    {
        FollowOn = (_oldRatio * Gamma * FollowOn) + Interest;
        Emphasis = (_lambda * Interest) + ((1 - _lambda) * FollowOn);
        for (var i = 0; i < _trace.Length; i++) _trace[i] = ratio * ((Gamma * _lambda * _trace[i]) + (Emphasis * features[i]));
        AddScaled(Weights, _stepSize.At(Steps - 1) * Error(features, reward, nextFeatures), _trace);
        _oldRatio = ratio;
    }
}
