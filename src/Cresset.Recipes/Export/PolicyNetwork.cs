using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>
/// The fully connected network of a policy in libtorch's operations: observations [N, D] in the environment's units, standardised by the
/// running moments that the agent learned with, through its layers. One that remembers has a GRU before them.
/// </summary>
internal sealed class PolicyNetwork : nn.Module<Tensor, Tensor>
{
    private readonly Linear[] _layers;
    private readonly LayerNorm[] _norms;
    private readonly Func<Tensor, Tensor> _activation;
    private readonly Tensor? _mean, _deviation;
    private readonly GRUCell? _memory;
    private readonly bool _seesBoth;

    /// <summary>Takes weights by the keys of the policy's file.</summary>
    /// <param name="weights">layers.0.weight ..., norms.0.weight ...</param>
    /// <param name="activation">What follows each hidden layer.</param>
    /// <param name="moments">Mean and deviation of observations; null where they are taken as they are.</param>
    /// <param name="memory">
    /// weight_ih, weight_hh, bias_ih and bias_hh of the GRU, and whether the layers read the observation beside what it remembers; null for
    /// none.
    /// </param>
    public PolicyNetwork(IReadOnlyDictionary<string, Tensor> weights, Func<Tensor, Tensor> activation,
        (Tensor Mean, Tensor Deviation)? moments, (IReadOnlyDictionary<string, Tensor> Weights, bool BesideObservation)? memory = null)
        : base(nameof(PolicyNetwork))
    {
        _activation = activation;
        var count = weights.Keys.Count(
            k => k.StartsWith("layers.", StringComparison.Ordinal) && k.EndsWith(".weight", StringComparison.Ordinal));
        _layers =
            [.. Enumerable.Range(0, count)
                .Select(i => nn.Linear(weights[$"layers.{i}.weight"].size(1), weights[$"layers.{i}.weight"].size(0)))];
        _norms =
            [.. Enumerable.Range(0, count).Where(i => weights.ContainsKey($"norms.{i}.weight"))
                .Select(i => nn.LayerNorm(weights[$"norms.{i}.weight"].size(0)))];
        using var quiet = no_grad();
        for (var i = 0; i < count; i++)
        {
            register_module($"layers.{i}".Replace('.', '_'), _layers[i]);
            _layers[i].weight!.copy_(weights[$"layers.{i}.weight"]);
            _layers[i].bias!.copy_(weights[$"layers.{i}.bias"]);
        }
        for (var i = 0; i < _norms.Length; i++)
        {
            register_module($"norms_{i}", _norms[i]);
            _norms[i].weight!.copy_(weights[$"norms.{i}.weight"]);
            _norms[i].bias!.copy_(weights[$"norms.{i}.bias"]);
        }
        if (memory is { } remembered)
        {
            var units = remembered.Weights["weight_hh"].size(1);
            (_memory, _seesBoth) = (nn.GRUCell(remembered.Weights["weight_ih"].size(1), units), remembered.BesideObservation);
            register_module("memory", _memory);
            foreach (var (name, parameter) in _memory.named_parameters()) parameter.copy_(remembered.Weights[name]);
        }
        if (moments is not { } m) return;
        (_mean, _deviation) = (m.Mean.DetachFromDisposeScope(), m.Deviation.DetachFromDisposeScope());
        register_buffer("mean", _mean);
        register_buffer("deviation", _deviation);
    }

    /// <summary>Outputs [N, A] of observations [N, D], where nothing is remembered.</summary>
    public override Tensor forward(Tensor observations) => Layers(Standardised(observations));

    /// <summary>
    /// One step: observations [N, D] and what was remembered before them [N, units] to outputs [N, A] and what is remembered then.
    /// </summary>
    public (Tensor Outputs, Tensor Memory) Step(Tensor observations, Tensor memory)
    {
        var x = Standardised(observations);
        var after = _memory!.call(x, memory);
        return (Layers(_seesBoth ? cat([x, after], 1) : after), after);
    }

    private Tensor Standardised(Tensor observations) => _mean is null ? observations : (observations - _mean) / _deviation!;

    private Tensor Layers(Tensor x)
    {
        for (var i = 0; i < _layers.Length; i++)
        {
            x = _layers[i].call(x);
            if (i == _layers.Length - 1) break;
            if (i < _norms.Length) x = _norms[i].call(x);
            x = _activation(x);
        }
        return x;
    }
}
