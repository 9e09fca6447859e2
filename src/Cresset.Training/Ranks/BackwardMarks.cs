using Cresset.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Cresset.Training;

/// <summary>
/// Tells while backward runs which layers it has left behind. TorchSharp has no hooks of tensors; here an identity stands before every
/// layer, whose own backward comes after that of the layer. That is a hint, not a promise: a weight that is used elsewhere too may still
/// get more.
/// </summary>
internal sealed class BackwardMarks
{
    private readonly List<Layer> _layers = [];
    private readonly Action<IReadOnlyList<Parameter>> _passed;
    private bool _isListening;

    /// <param name="network">Whose layers are watched: those with weights of their own and one to three tensors as input.</param>
    /// <param name="passed">Told the weights of a layer, on the thread that runs backward.</param>
    public BackwardMarks(nn.Module network, Action<IReadOnlyList<Parameter>> passed)
    {
        _passed = passed;
        foreach (var (_, module) in network.named_modules())
        {
            Parameter[] own = [.. module.named_parameters(recurse: false).Select(p => p.parameter)];
            if (own.Length == 0) continue;
            var layer = new Layer(own);
            switch (module)
            {
                case nn.Module<Tensor, Tensor> one:
                    one.register_forward_pre_hook((_, x) => Before(layer, x));
                    break;
                case nn.Module<Tensor, Tensor, Tensor> two:
                    two.register_forward_pre_hook((_, x, y) => (Before(layer, x), y));
                    break;
                case nn.Module<Tensor, Tensor, Tensor, Tensor> three:
                    three.register_forward_pre_hook((_, x, y, z) => (Before(layer, x), y, z));
                    break;
                default:
                    continue;
            }
            _layers.Add(layer);
        }
    }

    /// <summary>The next forward and backward count.</summary>
    public void Listen()
    {
        _isListening = true;
        foreach (var layer in _layers) (layer.Calls, layer.Left) = (0, 0);
    }

    /// <summary>Backward is over.</summary>
    public void Stop() => _isListening = false;

    private Tensor Before(Layer layer, Tensor input)
    {
        if (!_isListening || !is_grad_enabled()) return input;
        layer.Calls++;
        // Backward ends before an input that needs no gradient; such a layer is never known to be left.
        return input.requires_grad ? new Mark(() => Passed(layer)).Apply(input) : input;
    }

    private void Passed(Layer layer)
    {
        if (_isListening && ++layer.Left == layer.Calls) _passed(layer.Own);
    }

    private sealed class Layer(Parameter[] own)
    {
        public Parameter[] Own { get; } = own;

        public int Calls { get; set; }

        public int Left { get; set; }
    }

    private sealed class Mark(Action passed) : DifferentiableOperation
    {
        protected override Tensor[] Forward(Tensor[] inputs) => [inputs[0].detach()];

        protected override Tensor[] Saved(Tensor[] inputs) => [];

        protected override Tensor?[] Backward(Tensor[] saved, Tensor?[] gradients)
        {
            passed();
            return gradients;
        }
    }
}
