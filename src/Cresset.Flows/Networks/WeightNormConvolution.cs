using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>A convolution whose filters are a length times a direction (Salimans and Kingma 2016).</summary>
internal sealed class WeightNormConvolution : nn.Module<Tensor, Tensor>
{
    [ComponentName(Name = "conv")]
    private readonly Core _core;

    public WeightNormConvolution(long inputs, long outputs, int kernel, bool bias = true)
        : base(nameof(WeightNormConvolution))
    {
        _core = new Core(inputs, outputs, kernel, bias);
        RegisterComponents();
    }

    public override Tensor forward(Tensor input) => _core.call(input);

    private sealed class Core : nn.Module<Tensor, Tensor>
    {
        private readonly int _padding;
        [ComponentName(Name = "weight_g")]
        private readonly Parameter _length;
        [ComponentName(Name = "weight_v")]
        private readonly Parameter _direction;
        [ComponentName(Name = "bias")]
        private readonly Parameter? _bias;

        public Core(long inputs, long outputs, int kernel, bool bias)
            : base(nameof(Core))
        {
            using var plain = nn.Conv2d(inputs, outputs, kernel, bias: bias);
            using var scope = NewDisposeScope();
            _padding = kernel / 2;
            var weight = plain.weight.detach();
            _direction = new Parameter(weight.clone().DetachFromDisposeScope());
            _length = new Parameter(Norm(weight).DetachFromDisposeScope());
            if (bias) _bias = new Parameter(plain.bias!.detach().clone().DetachFromDisposeScope());
            RegisterComponents();
        }

        public override Tensor forward(Tensor input)
        {
            using var scope = NewDisposeScope();
            return nn.functional.conv2d(input, _direction * (_length / Norm(_direction)), _bias, padding: [_padding, _padding])
                .MoveToOuterDisposeScope();
        }

        private static Tensor Norm(Tensor weight) => weight.square().sum([1L, 2L, 3L], keepdim: true).sqrt();
    }
}
