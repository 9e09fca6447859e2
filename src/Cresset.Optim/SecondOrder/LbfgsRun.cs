namespace Cresset.Optim;

/// <summary>One step of L-BFGS: several iterations of direction and line search, with the stopping rules of PyTorch.</summary>
internal sealed class LbfgsRun(
    LbfgsOptions options,
    double rate,
    LbfgsMemory memory,
    Func<double[]> read,
    Action<double[]> write,
    Func<(double Loss, double[] Gradient)> evaluate)
{
    public double Minimize()
    {
        var (loss, gradient) = evaluate();
        var first = loss;
        var evaluations = 1;
        var allowed = options.MaxEvaluations ?? (options.MaxIterations * 5 / 4);
        if (LargestOf(gradient) <= options.GradientTolerance) return first;
        for (var iteration = 1; iteration <= options.MaxIterations; iteration++)
        {
            memory.Iterations++;
            var direction = NextDirection(gradient);
            memory.Direction = direction;
            memory.PreviousGradient = gradient;
            memory.PreviousLoss = loss;
            memory.StepSize = memory.Iterations == 1 ? Math.Min(1, 1 / gradient.Sum(Math.Abs)) * rate : rate;
            var slope = Dot(gradient, direction);
            if (slope > -options.ChangeTolerance) break;
            var used = 0;
            if (options.StrongWolfe)
            {
                var start = read();
                var search = new StrongWolfeSearch(t =>
                {
                    write(Along(start, t, direction));
                    var result = evaluate();
                    return (result.Loss, result.Gradient, Dot(result.Gradient, direction));
                });
                (loss, gradient, memory.StepSize, used) = search.Find(memory.StepSize, LargestOf(direction), loss, gradient, slope);
                write(Along(start, memory.StepSize, direction));
            }
            else
            {
                write(Along(read(), memory.StepSize, direction));
                if (iteration != options.MaxIterations)
                {
                    (loss, gradient) = evaluate();
                    used = 1;
                }
            }
            evaluations += used;
            if (iteration == options.MaxIterations || evaluations >= allowed) break;
            if (LargestOf(gradient) <= options.GradientTolerance) break;
            if (LargestOf(direction) * Math.Abs(memory.StepSize) <= options.ChangeTolerance) break;
            if (Math.Abs(loss - memory.PreviousLoss) < options.ChangeTolerance) break;
        }
        return first;
    }

    private double[] NextDirection(double[] gradient)
    {
        if (memory.Iterations == 1)
        {
            memory.Scale = 1;
            return [.. gradient.Select(g => -g)];
        }
        var change = Along(gradient, -1, memory.PreviousGradient!);
        var move = memory.Direction!.Select(d => d * memory.StepSize).ToArray();
        var curvature = Dot(change, move);
        if (curvature > 1e-10)
        {
            if (memory.Rho.Count == options.HistorySize)
            {
                memory.Changes.RemoveAt(0);
                memory.Moves.RemoveAt(0);
                memory.Rho.RemoveAt(0);
            }
            memory.Changes.Add(change);
            memory.Moves.Add(move);
            memory.Rho.Add(1 / curvature);
            memory.Scale = curvature / Dot(change, change);
        }
        // The two-loop recursion: H times minus the gradient.
        var q = gradient.Select(g => -g).ToArray();
        var alpha = new double[memory.Rho.Count];
        for (var i = alpha.Length - 1; i >= 0; i--)
        {
            alpha[i] = Dot(memory.Moves[i], q) * memory.Rho[i];
            q = Along(q, -alpha[i], memory.Changes[i]);
        }
        for (var i = 0; i < q.Length; i++) q[i] *= memory.Scale;
        for (var i = 0; i < alpha.Length; i++)
        {
            var beta = Dot(memory.Changes[i], q) * memory.Rho[i];
            q = Along(q, alpha[i] - beta, memory.Moves[i]);
        }
        return q;
    }

    private static double Dot(double[] a, double[] b)
    {
        var sum = 0.0;
        for (var i = 0; i < a.Length; i++) sum += a[i] * b[i];
        return sum;
    }

    private static double LargestOf(double[] v) => v.Length == 0 ? 0 : v.Max(Math.Abs);

    private static double[] Along(double[] x, double t, double[] d)
    {
        var y = new double[x.Length];
        for (var i = 0; i < y.Length; i++) y[i] = x[i] + (t * d[i]);
        return y;
    }
}
