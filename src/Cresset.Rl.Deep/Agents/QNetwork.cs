using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Rl.Deep;

/// <summary>
/// A network of action values in libtorch: an encoder of any kind, fully connected layers, and a head that is plain, dueling, noisy or a
/// distribution. Fully connected layers have the same keys and order of outputs as those of <see cref="MlpNetwork"/>.
/// </summary>
internal sealed class QNetwork : nn.Module<Tensor, Tensor>
{
    private const int Cosines = 64;

    [ComponentName(Name = "encoder")]
    private readonly nn.Module<Tensor, Tensor>? _encoder;
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
        IsImplicit = options.Values == ValueKind.Implicit;
        _head = new HeadLayout(actions, options.Values is ValueKind.Mean or ValueKind.Implicit ? 1 : options.Atoms, options.Dueling);
        long[] widths = [features, .. options.Hidden.Select(h => (long)h), _head.Raw];
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

    /// <summary>The noisy layers.</summary>
    internal IEnumerable<NoisyLinear> NoisyLayers => _stack.OfType<NoisyLinear>();

    /// <summary>
    /// [batch, observation] to [batch, actions, atoms]: values (atoms = 1), logits or quantiles. Implicit networks answer the 32 midpoints.
    /// </summary>
    public override Tensor forward(Tensor observations)
    {
        if (!IsImplicit)
        {
            using var scope = NewDisposeScope();
            return Combine(_stack[^1].call(Trunk(observations))).MoveToOuterDisposeScope();
        }
        const int Samples = 32;
        using var outer = NewDisposeScope();
        var taus = ((arange(Samples, dtype: ScalarType.Float32, device: observations.device) + 0.5) / Samples).expand(observations.size(0),
            Samples);
        return Quantiles(observations, taus).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Implicit quantiles (Dabney et al. 2018, equation 4): [batch, observation] and levels [batch, n] to [batch, actions, n].
    /// </summary>
    /// <exception cref="InvalidOperationException">The network is not implicit.</exception>
    public Tensor Quantiles(Tensor observations, Tensor taus)
    {
        if (_cosine is null)
            throw new InvalidOperationException("The network has fixed atoms: make it with values=implicit to ask for quantiles.");
        Shape.Expect(taus, "N K");
        using var scope = NewDisposeScope();
        var trunk = Trunk(observations);
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

    private Tensor Trunk(Tensor observations)
    {
        var x = _encoder is null ? observations : _encoder.call(observations);
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
