using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>
/// Discrete flow matching (Gat et al. 2024) over tokens [N, ...] of a vocabulary of K: each token keeps its source value until a random
/// time and then its data value; the model predicts the data, logits [N, ..., K]. The path's alpha is the probability of the data value.
/// </summary>
public sealed class DiscreteMatching
{
    private readonly ProbabilityPath _path;

    /// <summary>Makes it for a path with alpha + sigma = 1: <see cref="CondOtPath"/> or <see cref="PolynomialPath"/>.</summary>
    /// <exception cref="ArgumentException">The path is not of that kind.</exception>
    public DiscreteMatching(ProbabilityPath? path = null)
    {
        _path = path ?? ProbabilityPath.CondOt;
        if (_path is not (CondOtPath or PolynomialPath))
            throw new ArgumentException(
                $"{_path.GetType().Name} does not mix source and data with weights that sum to 1; take CondOtPath or PolynomialPath.",
                nameof(path));
    }

    /// <summary>Tokens on the path at times [N]: the data's with probability alpha(t), else the source's.</summary>
    public Tensor Interpolate(Tensor source, Tensor data, Tensor time, Generator? generator = null)
    {
        ArgumentNullException.ThrowIfNull(data);
        if (!source.shape.SequenceEqual(data.shape)) throw Cresset.Tensors.Shape.Wrong(source, Cresset.Tensors.Shape.Text(data));
        using var scope = NewDisposeScope();
        var flipped = rand(data.shape, generator: generator).to(data.device) < ProbabilityPath.Align(_path.Alpha(time), data);
        return where(flipped, data, source).MoveToOuterDisposeScope();
    }

    /// <summary>The probability velocity [N, ..., K]: alpha' / (1 - alpha) (p(data | x_t) - one-hot(x_t)).</summary>
    public Tensor Velocity(Tensor logits, Tensor state, Tensor time)
    {
        using var scope = NewDisposeScope();
        var own = nn.functional.one_hot(state, logits.size(-1)).to(logits.dtype);
        return (ProbabilityPath.Align(Rate(time), logits) * (logits.softmax(-1) - own)).MoveToOuterDisposeScope();
    }

    /// <summary>The generalized Kullback-Leibler loss of each token [N, ...] (equation 27); average it.</summary>
    public Tensor Loss(Tensor logits, Tensor data, Tensor state, Tensor time)
    {
        using var scope = NewDisposeScope();
        CheckTokens(data, logits, nameof(data));
        CheckTokens(state, logits, nameof(state));
        var log = logits.log_softmax(-1);
        var ofData = log.gather(-1, data.unsqueeze(-1)).squeeze(-1);
        var ofState = log.gather(-1, state.unsqueeze(-1)).squeeze(-1).exp();
        var same = (data == state).to(logits.dtype);
        return (-ProbabilityPath.Align(Rate(time), ofData) * (ofState - same + (1 - same) * ofData)).MoveToOuterDisposeScope();
    }

    /// <summary>Samples tokens by Euler steps of the jump process: model(tokens, times [N]) gives logits.</summary>
    /// <param name="model">The model.</param>
    /// <param name="source">Source tokens int64 [N, ...].</param>
    /// <param name="steps">Number of steps; the last one takes the model's prediction.</param>
    /// <param name="generator">Source of randomness.</param>
    /// <param name="temperature">Divides the logits.</param>
    /// <param name="cancellation">Stops between two steps.</param>
    public Tensor Sample(Func<Tensor, Tensor, Tensor> model, Tensor source, int steps, Generator? generator = null, double temperature = 1,
        CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 1);
        if (!(temperature > 0))
            throw new ArgumentOutOfRangeException(nameof(temperature), temperature, "The temperature must be greater than 0.");
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var state = source.alias();
        for (var i = 0; i < steps; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            using var step = NewDisposeScope();
            var time = full(source.size(0), (double)i / steps, device: source.device);
            var logits = model(state, time) / temperature;
            var predicted = multinomial(logits.softmax(-1).reshape(-1, logits.size(-1)), 1, true, generator).reshape(source.shape);
            if (i == steps - 1)
            {
                state = predicted.MoveToOtherDisposeScope(scope);
                break;
            }
            // A token jumps to its predicted value at the rate alpha' / (1 - alpha).
            var jump = 1 - (-Rate(time[0].reshape(1)) / steps).exp();
            var jumps = rand(source.shape, generator: generator).to(source.device) < jump;
            state = where(jumps, predicted, state).MoveToOtherDisposeScope(scope);
        }
        return state.MoveToOuterDisposeScope();
    }

    private Tensor Rate(Tensor time) => _path.AlphaRate(time) / (1 - _path.Alpha(time));

    private static void CheckTokens(Tensor tokens, Tensor logits, string name)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        if (tokens.dtype != ScalarType.Int64)
            throw new ArgumentException($"{name} is of type {tokens.dtype}; tokens are Int64.", name);
        if (!tokens.shape.AsSpan().SequenceEqual(logits.shape.AsSpan()[..^1]))
            throw Cresset.Tensors.Shape.Wrong(tokens, $"{Cresset.Tensors.Shape.Text(logits)} without the last dimension",
                "One token for each row of logits.", name);
        if (tokens.numel() == 0) return;
        long low = tokens.min().ToInt64(), high = tokens.max().ToInt64();
        if (low < 0 || high >= logits.size(-1))
            throw new ArgumentOutOfRangeException(name,
                $"{name} holds tokens from {low} to {high}; the logits are those of tokens 0 to {logits.size(-1) - 1}.");
    }
}
