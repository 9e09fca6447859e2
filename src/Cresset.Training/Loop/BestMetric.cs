namespace Cresset.Training;

/// <summary>The best headline metric so far, and how long ago it was.</summary>
internal sealed class BestMetric(HeadlineMetric headline)
{
    public double Value { get; private set; } = double.NaN;

    public int Step { get; private set; }

    public int EvaluationsSince { get; private set; }

    /// <summary>True when the metrics improve on the best.</summary>
    /// <param name="step">Whose they are.</param>
    /// <param name="metrics">The evaluation's.</param>
    /// <param name="isAsked">Somebody looked in between: that costs no patience, or looking would end training earlier.</param>
    public bool Add(int step, IReadOnlyDictionary<string, double> metrics, bool isAsked)
    {
        if (!metrics.TryGetValue(headline.Name, out var value))
            throw new InvalidOperationException(
                $"The evaluation reports {string.Join(", ", metrics.Keys)}, but the task's headline metric is '{headline.Name}'.");
        if (!headline.Improves(value, Value))
        {
            if (!isAsked) EvaluationsSince++;
            return false;
        }
        (Value, Step, EvaluationsSince) = (value, step, 0);
        return true;
    }

    public void Restore(double value, int step, int evaluationsSince) => (Value, Step, EvaluationsSince) = (value, step, evaluationsSince);
}
