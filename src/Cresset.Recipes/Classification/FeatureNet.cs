using Cresset.Tensors;
using TorchSharp.Modules;
using TorchSharp.Utils;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Recipes;

/// <summary>A perceptron with GELU: standardised features [N, F] to [N, outputs]. Other inputs are flattened.</summary>
internal sealed class FeatureNet : Module<Tensor, Tensor>
{
    [ComponentName(Name = "layers")]
    private readonly Sequential _layers;

    private readonly long _features;

    /// <summary>Builds the net.</summary>
    /// <param name="features">Length of an input.</param>
    /// <param name="outputs">Length of an output.</param>
    /// <param name="hidden">Widths of the hidden layers.</param>
    /// <param name="dropout">Share of hidden units dropped in training.</param>
    public FeatureNet(long features, long outputs, IReadOnlyList<int> hidden, double dropout)
        : base(nameof(FeatureNet))
    {
        ArgumentNullException.ThrowIfNull(hidden);
        _features = features;
        var layers = new List<Module<Tensor, Tensor>>();
        var from = features;
        foreach (var width in hidden)
        {
            layers.AddRange([Linear(from, width), GELU(), Dropout(dropout)]);
            from = width;
        }
        layers.Add(Linear(from, outputs));
        _layers = Sequential(layers);
        RegisterComponents();
    }

    /// <summary>Outputs [N, outputs] of features [N, F].</summary>
    public override Tensor forward(Tensor features)
    {
        Shape.Expect(features, "N F", [("F", _features)]);
        return _layers.call(features);
    }
}
