using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>Linear to four times the width, tanh-GELU, Linear back, under the keys net.0.proj and net.2.</summary>
internal sealed class TokenMlp : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "net")]
    private readonly Net _net;

    public TokenMlp(long width, WeightPlace place)
        : base(nameof(TokenMlp))
    {
        _net = new Net(width, place);
        RegisterComponents();
    }

    public bool IsPacked => _net.IsPacked;

    public override Tensor forward(Tensor input) => _net.call(input);

    private sealed class Net : nn.Module<Tensor, Tensor>
    {
        [ComponentName(Name = "0")]
        private readonly Up _up;

        [ComponentName(Name = "2")]
        private readonly Projection _down;

        public Net(long width, WeightPlace place)
            : base(nameof(Net))
        {
            _up = new Up(width, place);
            _down = new Projection(4 * width, width, true, place);
            RegisterComponents();
        }

        public bool IsPacked => _down.IsQuantized;

        public override Tensor forward(Tensor input)
        {
            using var scope = NewDisposeScope();
            return _down.call(_up.call(input)).MoveToOuterDisposeScope();
        }
    }

    private sealed class Up : nn.Module<Tensor, Tensor>
    {
        [ComponentName(Name = "proj")]
        private readonly Projection _linear;

        public Up(long width, WeightPlace place)
            : base(nameof(Up))
        {
            _linear = new Projection(width, 4 * width, true, place);
            RegisterComponents();
        }

        public override Tensor forward(Tensor input)
        {
            using var hidden = _linear.call(input);
            return Cresset.Nn.Activations.GeluTanh(hidden);
        }
    }
}
