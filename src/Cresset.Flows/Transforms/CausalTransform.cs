using Cresset.Nn;
using Cresset.Numerics;
using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>
/// An autoregressive map of tokens [N, T, P] by a causal transformer (TarFlow, Zhai et al. 2024): the map of a token's values depends on
/// the tokens before it. Density in one pass; the inverse goes token by token and keeps keys and values of what it has seen. Starts as the
/// identity.
/// </summary>
public sealed class CausalTransform : FlowTransform
{
    private static readonly TransformerKeys Keys = new("ln_1", new("qkv", "", "", "proj", Together: true), "ln_2",
        new("", "fc", "out", "act"));
    private readonly CausalTransformOptions _options;
    private readonly Univariate _univariate;
    [ComponentName(Name = "start")]
    private readonly Parameter _start;
    [ComponentName(Name = "positions")]
    private readonly Parameter _positions;
    [ComponentName(Name = "token")]
    private readonly Linear _token;
    [ComponentName(Name = "features")]
    private readonly Linear? _features;
    [ComponentName(Name = "classes")]
    private readonly Embedding? _classes;
    [ComponentName(Name = "blocks")]
    private readonly ModuleList<TransformerBlock> _blocks;
    [ComponentName(Name = "norm")]
    private readonly nn.Module<Tensor, Tensor> _norm;
    [ComponentName(Name = "head")]
    private readonly Linear? _head;
    [ComponentName(Name = "inner")]
    private readonly Made? _inner;

    /// <summary>Makes the map; initial weights come from libtorch's global stream.</summary>
    public CausalTransform(CausalTransformOptions options)
        : base(nameof(CausalTransform))
    {
        ArgumentNullException.ThrowIfNull(options);
        _options = options.ThrowIfInvalid();
        var width = options.Width;
        _univariate = options.Bins == 0 ? new AffineUnivariate()
            : new RationalQuadraticSpline(SplineOptions.Bounded(options.Bound, options.Bins));
        _start = new Parameter(Initialize.Normal(zeros(1, 1, width), 0, 0.02).DetachFromDisposeScope());
        _positions = new Parameter(Initialize.Normal(zeros(options.Tokens, width), 0, 0.02).DetachFromDisposeScope());
        _token = nn.Linear(options.Values, width);
        _features = options.Context > 0 ? nn.Linear(options.Context, width) : null;
        // One more: what stands for no label.
        _classes = options.Classes > 0 ? nn.Embedding(options.Classes + 1, width) : null;
        var block = new TransformerBlockOptions(new(width, options.Heads), FeedForwardOptions.Gelu, Keys);
        _blocks = new ModuleList<TransformerBlock>([.. Enumerable.Range(0, options.Layers).Select(_ => new TransformerBlock(block))]);
        _norm = TransformerBlock.NewNorm(width, false, 1e-5);
        if (options.Inner > 0)
            _inner =
                new Made([.. Enumerable.Range(0, options.Values)], _univariate.Parameters, [options.Inner],
                    width).StartAt(_univariate.StartRaw);
        else _head = Constant(nn.Linear(width, (long)options.Values * _univariate.Parameters), _univariate.StartRaw);
        RegisterComponents();
    }

    /// <summary>The settings.</summary>
    public CausalTransformOptions Options => _options;

    /// <inheritdoc/>
    public override bool TakesContext => _options.Context > 0 || _options.Classes > 0;

    /// <inheritdoc/>
    public override (Tensor Output, Tensor LogAbsDet) Forward(Tensor x, Tensor? context = null)
    {
        Check(x);
        using var scope = NewDisposeScope();
        var condition = Condition(x, context);
        if (x.size(0) == 0) return Move(x.clone(), zeros(0, dtype: x.dtype, device: x.device));
        long count = x.size(0), all = (long)_options.Tokens * _options.Values;
        var tokens = Turned(x);
        var states = States(tokens.narrow(1, 0, _options.Tokens - 1), condition);
        var raw = _inner is null ? _head!.call(states)
            : _inner.call(tokens.reshape(-1, _options.Values), states.reshape(-1, _options.Width));
        var (z, log) = _univariate.Forward(tokens.reshape(count, all), raw.reshape(count, all, _univariate.Parameters));
        return Move(Turned(z.reshape(x.shape)), log.sum(1));
    }

    /// <inheritdoc/>
    public override (Tensor Output, Tensor LogAbsDet) Inverse(Tensor z, Tensor? context = null) => Invert(z, context, 0);

    /// <summary>
    /// The inverse with parameters moved away from those without a label by <paramref name="guidance"/> times their difference; 0 is the
    /// inverse itself.
    /// </summary>
    internal (Tensor Output, Tensor LogAbsDet) Invert(Tensor z, Tensor? context, double guidance)
    {
        Check(z);
        using var scope = NewDisposeScope();
        var condition = Condition(z, context);
        if (z.size(0) == 0) return Move(z.clone(), zeros(0, dtype: z.dtype, device: z.device));
        var guided = guidance != 0;
        if (guided) condition = cat([condition!, Condition(z, null)!], 0);
        var rows = z.size(0) * (guided ? 2 : 1);
        var tokens = Turned(z);
        // A cache keeps no gradients: with them each token looks at all before it again.
        using var cache = is_grad_enabled() ? null
            : new KeyValueCache(_options.Layers, rows, _options.Heads, _options.Tokens, _options.Width / _options.Heads, _positions);
        List<Tensor> values = [], logs = [];
        for (var t = 0; t < _options.Tokens; t++)
        {
            using var step = NewDisposeScope();
            var state = cache is null ? States(Seen(values, z, guided), condition).select(1, t)
                : Next(t == 0 ? null : Twice(values[^1], guided), t, rows, condition, cache);
            var (value, log) = Value(tokens.select(1, t), state, guided ? guidance : null);
            values.Add(value.MoveToOuterDisposeScope());
            logs.Add(log.MoveToOuterDisposeScope());
        }
        return Move(Turned(stack(values, 1)), stack(logs).sum([0L]));
    }

    private static Linear Constant(Linear layer, IReadOnlyList<double> raw)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        layer.weight!.zero_();
        layer.bias!.copy_(tensor(raw.ToArray()).repeat(layer.bias!.size(0) / raw.Count));
        return layer;
    }

    private static Tensor Twice(Tensor value, bool guided) => guided ? cat([value, value], 0) : value;

    private Tensor Seen(List<Tensor> values, Tensor like, bool guided)
        => values.Count == 0 ? zeros([like.size(0) * (guided ? 2 : 1), 0, _options.Values], dtype: like.dtype, device: like.device)
            : Twice(stack(values, 1), guided);

    private Tensor Turned(Tensor tokens) => _options.Reverse ? tokens.flip(1) : tokens;

    private void Check(Tensor x) => Cresset.Tensors.Shape.Expect(x, "N T P", [("T", _options.Tokens), ("P", _options.Values)]);

    // What is added to every token [N, 1, width]; null without a context.
    private Tensor? Condition(Tensor like, Tensor? context)
    {
        if (_classes is not null)
        {
            var labels = context is null
                ? full([like.size(0)], _options.Classes, dtype: ScalarType.Int64, device: like.device)
                : ClassLabels.Check(context, like.size(0), _options.Classes + 1, nameof(CausalTransform));
            return _classes.call(labels).unsqueeze(1);
        }
        if (_features is null)
        {
            RefuseContext(context);
            return null;
        }
        return _features.call(Conditioner.ContextOf(like, context, _options.Context)!).unsqueeze(1);
    }

    // The state before each token and before the one that follows them: [N, t, P] to [N, t + 1, width].
    private Tensor States(Tensor before, Tensor? condition)
    {
        var h = cat([_start.expand(before.size(0), 1, _options.Width), _token.call(before)], 1)
            + _positions.narrow(0, 0, before.size(1) + 1);
        if (condition is not null) h = h + condition;
        foreach (var block in _blocks) h = block.Forward(h, causal: true);
        return _norm.call(h);
    }

    // The state before token t, of the token before it and what the cache holds.
    private Tensor Next(Tensor? last, int t, long rows, Tensor? condition, KeyValueCache cache)
    {
        var h = (last is null ? _start.expand(rows, 1, _options.Width) : _token.call(last).unsqueeze(1)) + _positions.narrow(0, t, 1);
        if (condition is not null) h = h + condition;
        var layer = 0;
        foreach (var block in _blocks) h = block.Forward(h, causal: true, cache: cache, layer: layer++);
        cache.Length++;
        return _norm.call(h).select(1, 0);
    }

    // The values of one token [N, P] and their log-derivative [N], from the state before it.
    private (Tensor Value, Tensor Log) Value(Tensor z, Tensor state, double? guidance)
    {
        Tensor Guided(Tensor raw)
        {
            if (guidance is not { } by) return raw;
            var halves = raw.chunk(2, 0);
            return halves[0] + ((halves[0] - halves[1]) * by);
        }
        if (_inner is null)
        {
            var raw = _head!.call(state).reshape(state.size(0), _options.Values, _univariate.Parameters);
            var (value, log) = _univariate.Inverse(z, Guided(raw));
            return (value, log.sum(1));
        }
        List<Tensor> logs = [];
        var values = _inner.Generate(state.size(0), state, z, (columns, raw) =>
        {
            var index = tensor(columns.Select(c => (long)c).ToArray(), device: z.device);
            var (value, log) = _univariate.Inverse(z.index_select(1, index), Guided(raw));
            logs.Add(log.sum(1));
            return Twice(value, guidance is not null);
        });
        return (values.narrow(0, 0, z.size(0)), stack(logs).sum([0L]));
    }
}
