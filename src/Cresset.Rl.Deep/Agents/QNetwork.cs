using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Rl.Deep;

/// <summary>
/// A network of action values in libtorch: an encoder of any kind, a GRU that remembers, fully connected layers, and a head that is plain,
/// dueling, noisy or a distribution. Fully connected layers have the same keys and order of outputs as those of <see cref="MlpNetwork"/>.
/// </summary>
internal sealed class QNetwork : nn.Module<Tensor, Tensor>, IOwnInitialization
{
    private const int Cosines = 64;

    [ComponentName(Name = "encoder")]
    private readonly nn.Module<Tensor, Tensor>? _encoder;
    [ComponentName(Name = "memory")]
    private readonly GRUCell? _memory;
    [ComponentName(Name = "layers")]
    private readonly ModuleList<nn.Module<Tensor, Tensor>> _layers;
    [ComponentName(Name = "norms")]
    private readonly ModuleList<LayerNorm> _norms;
    [ComponentName(Name = "cosine")]
    private readonly Linear? _cosine;
    private readonly HeadLayout _head;
    private readonly nn.Module<Tensor, Tensor>[] _stack;
    private readonly LayerNorm[] _normStack;

    /// <summary>A network over observations or features.</summary>
    /// <param name="features">Values of an observation, or of what the encoder puts out.</param>
    /// <param name="actions">Number of actions.</param>
    /// <param name="options">Layers, head and kind of values.</param>
    /// <param name="encoder">Comes first; null for none. The network owns it.</param>
    public QNetwork(long features, int actions, DqnOptions options, nn.Module<Tensor, Tensor>? encoder = null)
        : base(nameof(QNetwork))
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(features);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(actions);
        options.ThrowIfInvalid();
        _encoder = encoder;
        MemorySize = options.Memory;
        if (MemorySize > 0) _memory = nn.GRUCell(features, MemorySize);
        IsImplicit = options.Values == ValueKind.Implicit;
        _head = new HeadLayout(actions, options.Values is ValueKind.Mean or ValueKind.Implicit ? 1 : options.Atoms, options.Dueling);
        long[] widths = [MemorySize > 0 ? MemorySize : features, .. options.Hidden.Select(h => (long)h), _head.Raw];
        _stack = [.. Enumerable.Range(0, widths.Length - 1).Select(i => options.Noisy && i > 0
            ? (nn.Module<Tensor, Tensor>)new NoisyLinear(widths[i], widths[i + 1], options.NoiseScale)
            : nn.Linear(widths[i], widths[i + 1]))];
        _normStack = options.LayerNorm ? [.. options.Hidden.Select(h => nn.LayerNorm(h))] : [];
        _layers = new ModuleList<nn.Module<Tensor, Tensor>>(_stack);
        _norms = new ModuleList<LayerNorm>(_normStack);
        _cosine = IsImplicit ? nn.Linear(Cosines, widths[^2]) : null;
        RegisterComponents();
    }

    /// <summary>Whether quantiles are asked for one by one (IQN).</summary>
    public bool IsImplicit { get; }

    /// <summary>Whether there is nothing but fully connected layers and a head with fixed atoms.</summary>
    public bool IsPlain => _encoder is null && _memory is null && !IsImplicit;

    /// <summary>Units of the GRU; 0 for none.</summary>
    public int MemorySize { get; }

    /// <summary>The noisy layers.</summary>
    internal IEnumerable<NoisyLinear> NoisyLayers => _stack.OfType<NoisyLinear>();

    /// <inheritdoc/>
    public void DrawWeights(Generator? generator)
    {
        if (_memory is not null) MemoryCell.Start(_memory, MemorySize, generator);
    }

    /// <summary>
    /// [batch, observation] to [batch, actions, atoms]: values (atoms = 1), logits or quantiles. Implicit networks answer the 32 midpoints;
    /// those that remember take each row for the first of an episode.
    /// </summary>
    public override Tensor forward(Tensor observations)
    {
        using var scope = NewDisposeScope();
        return Values(Trunk(observations)).MoveToOuterDisposeScope();
    }

    /// <summary>What the layers before the head make of rows that stand alone: [batch, observation] to [batch, width].</summary>
    public Tensor Trunk(Tensor observations)
    {
        using var scope = NewDisposeScope();
        return _memory is null
            ? Hidden(Encoded(observations)).MoveToOuterDisposeScope()
            : Trunk(observations, zeros(observations.size(0), MemorySize, device: observations.device)).Trunk.MoveToOuterDisposeScope();
    }

    /// <summary>One step: [batch, observation] and memory [batch, units] to [batch, width] and the memory after it.</summary>
    public (Tensor Trunk, Tensor Memory) Trunk(Tensor observations, Tensor memory)
    {
        using var scope = NewDisposeScope();
        var after = _memory!.call(Encoded(observations), memory);
        return (Hidden(after.alias()).MoveToOuterDisposeScope(), after.MoveToOuterDisposeScope());
    }

    /// <summary>
    /// Stretches of time: observations [stretches * steps, observation], memory before them [stretches, units], 0 where it is forgotten
    /// before a step [stretches, steps, 1]; to [stretches * steps, width] and the memory after each step [stretches, steps, units].
    /// </summary>
    public (Tensor Trunk, Tensor Memory) Trunk(Tensor observations, Tensor memory, Tensor kept)
    {
        using var scope = NewDisposeScope();
        var after = MemoryCell.Unroll(_memory!, Encoded(observations), memory, kept);
        return (Hidden(after.view(-1, MemorySize)).MoveToOuterDisposeScope(), after.MoveToOuterDisposeScope());
    }

    /// <summary>The head: [batch, width] to [batch, actions, atoms].</summary>
    public Tensor Values(Tensor trunk)
    {
        using var scope = NewDisposeScope();
        if (!IsImplicit) return Combine(_stack[^1].call(trunk)).MoveToOuterDisposeScope();
        const int Samples = 32;
        var taus = ((arange(Samples, dtype: ScalarType.Float32, device: trunk.device) + 0.5) / Samples).expand(trunk.size(0), Samples);
        return Quantiles(trunk, taus).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Implicit quantiles (Dabney et al. 2018, equation 4): [batch, width] and levels [batch, n] to [batch, actions, n].
    /// </summary>
    /// <exception cref="InvalidOperationException">The network is not implicit.</exception>
    public Tensor Quantiles(Tensor trunk, Tensor taus)
    {
        if (_cosine is null)
            throw new InvalidOperationException("The network has fixed atoms: make it with values=implicit to ask for quantiles.");
        Shape.Expect(taus, "N K");
        using var scope = NewDisposeScope();
        var (batch, count) = (taus.size(0), taus.size(1));
        var waves = cos(arange(1, Cosines + 1, dtype: ScalarType.Float32, device: taus.device) * Math.PI * taus.unsqueeze(-1));
        // phi(tau) times the features, [batch, n, features], through the head row by row.
        var embedded = nn.functional.relu(_cosine.call(waves.view(batch * count, Cosines))).view(batch, count, -1);
        var mixed = (embedded * trunk.unsqueeze(1)).view(batch * count, -1);
        return Combine(_stack[^1].call(mixed)).view(batch, count, _head.Actions).transpose(1, 2).contiguous().MoveToOuterDisposeScope();
    }

    /// <summary>Switches the noise of noisy layers.</summary>
    public void UseNoise(bool on)
    {
        foreach (var layer in NoisyLayers) layer.IsNoisy = on;
    }

    // An alias, so that what a caller moves or frees is never its own input.
    private Tensor Encoded(Tensor observations) => _encoder is null ? observations.alias() : _encoder.call(observations);

    private Tensor Hidden(Tensor x)
    {
        for (var i = 0; i < _stack.Length - 1; i++)
        {
            x = _stack[i].call(x);
            if (_normStack.Length > 0) x = _normStack[i].call(x);
            x = nn.functional.relu(x);
        }
        return x;
    }

    // V + A - mean A, atom by atom.
    private Tensor Combine(Tensor raw)
    {
        var (atoms, actions) = (_head.Atoms, _head.Actions);
        if (!_head.Dueling) return raw.view(-1, actions, atoms);
        var value = raw.narrow(1, 0, atoms).view(-1, 1, atoms);
        var advantages = raw.narrow(1, atoms, _head.Cells).view(-1, actions, atoms);
        return value + advantages - advantages.mean([1], keepdim: true);
    }
}
