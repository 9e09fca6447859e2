using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Onnx;

/// <summary>Every layer of TorchSharp that ONNX can hold. The part of a name before the first space is the factory in torch.nn.</summary>
internal static class OnnxLayerCases
{
    public static IReadOnlyList<OnnxCase> All { get; } =
    [
        OnnxCase.Of("Linear", () => nn.Linear(4, 3), 2, 5, 4),
        OnnxCase.Of("Linear without bias", () => nn.Linear(4, 3, hasBias: false), 2, 4),
        new("Bilinear", () => nn.Bilinear(4, 3, 5), () => [randn(2, 4), randn(2, 3)]),
        OnnxCase.Of("Conv1d", () => nn.Conv1d(4, 6, 3, stride: 2, padding: 1L), 2, 4, 9),
        OnnxCase.Of("Conv2d", () => nn.Conv2d(4, 6, 3, padding: 1L, groups: 2), 2, 4, 8, 8),
        OnnxCase.Of("Conv2d dilated", () => nn.Conv2d(4, 6, (3, 2), stride: (2, 1), padding: (2, 1), dilation: (2, 1)), 2, 4, 9, 8),
        OnnxCase.Of("Conv2d padding same", () => nn.Conv2d(4, 6, 4, padding: Padding.Same), 2, 4, 8, 8),
        OnnxCase.Of("Conv2d padding circular", () => nn.Conv2d(4, 6, 3, padding: 1L, padding_mode: PaddingModes.Circular), 2, 4, 8, 8),
        OnnxCase.Of("Conv2d padding reflect", () => nn.Conv2d(4, 6, 3, padding: 1L, padding_mode: PaddingModes.Reflect), 2, 4, 8, 8),
        OnnxCase.Of("Conv3d", () => nn.Conv3d(2, 3, 3), 2, 2, 5, 5, 5),
        OnnxCase.Of("ConvTranspose1d", () => nn.ConvTranspose1d(4, 6, 3, stride: 2, padding: 1, output_padding: 1), 2, 4, 7),
        OnnxCase.Of("ConvTranspose2d", () => nn.ConvTranspose2d(4, 6, 4, stride: 2, padding: 1), 2, 4, 8, 8),
        OnnxCase.Of("ConvTranspose2d groups", () => nn.ConvTranspose2d(4, 6, 3, groups: 2, dilation: 2), 2, 4, 8, 8),
        OnnxCase.Of("ConvTranspose3d", () => nn.ConvTranspose3d(2, 3, 2, stride: 2), 2, 2, 3, 3, 3),
        OnnxCase.Of("BatchNorm1d", () => nn.BatchNorm1d(4), 2, 4),
        OnnxCase.Of("BatchNorm2d", () => nn.BatchNorm2d(4), 2, 4, 8, 8),
        OnnxCase.Of("BatchNorm3d", () => nn.BatchNorm3d(4), 2, 4, 3, 3, 3),
        OnnxCase.Of("InstanceNorm1d", () => nn.InstanceNorm1d(4, affine: true), 2, 4, 8),
        OnnxCase.Of("InstanceNorm2d", () => nn.InstanceNorm2d(4), 2, 4, 8, 8),
        OnnxCase.Of("InstanceNorm3d", () => nn.InstanceNorm3d(4), 2, 4, 3, 3, 3),
        OnnxCase.Of("LayerNorm", () => nn.LayerNorm([8, 8]), 2, 4, 8, 8),
        OnnxCase.Of("GroupNorm", () => Filled(nn.GroupNorm(2, 4)), 2, 4, 8, 8),
        OnnxCase.Of("LocalResponseNorm", () => nn.LocalResponseNorm(3), 2, 6, 8, 8),
        OnnxCase.Of("MaxPool1d", () => nn.MaxPool1d(3, 2, 1), 2, 4, 9),
        OnnxCase.Of("MaxPool2d", () => nn.MaxPool2d(3, 1, 1), 2, 4, 8, 8),
        OnnxCase.Of("MaxPool2d ceil_mode", () => nn.MaxPool2d(3, 2, ceil_mode: true), 2, 4, 8, 8),
        OnnxCase.Of("MaxPool3d", () => nn.MaxPool3d(2), 2, 2, 4, 4, 4),
        new("MaxUnpool2d", () => new Unpooling(), () => [randn(2, 4, 8, 8)]),
        OnnxCase.Of("AvgPool1d", () => nn.AvgPool1d(2), 2, 4, 8),
        OnnxCase.Of("AvgPool2d", () => nn.AvgPool2d(3, 2, 1, count_include_pad: false), 2, 4, 8, 8),
        OnnxCase.Of("AvgPool2d divisor", () => nn.AvgPool2d(2, divisor_override: 3), 2, 4, 8, 8),
        OnnxCase.Of("AvgPool3d", () => nn.AvgPool3d(2), 2, 2, 4, 4, 4),
        OnnxCase.Of("LPPool1d", () => nn.LPPool1d(2, 2), 2, 4, 8),
        OnnxCase.Of("LPPool2d", () => nn.LPPool2d(3, 2), 2, 4, 8, 8),
        OnnxCase.Of("AdaptiveAvgPool1d", () => nn.AdaptiveAvgPool1d(3), 2, 4, 8),
        OnnxCase.Of("AdaptiveAvgPool2d", () => nn.AdaptiveAvgPool2d([4, 4]), 2, 4, 8, 8),
        OnnxCase.Of("AdaptiveAvgPool2d unequal windows", () => nn.AdaptiveAvgPool2d([3, 5]), 2, 4, 8, 7),
        OnnxCase.Of("AdaptiveAvgPool3d", () => nn.AdaptiveAvgPool3d([1, 1, 1]), 2, 2, 4, 4, 4),
        OnnxCase.Of("AdaptiveMaxPool1d", () => nn.AdaptiveMaxPool1d(3), 2, 4, 8),
        OnnxCase.Of("AdaptiveMaxPool2d", () => nn.AdaptiveMaxPool2d([3, 5]), 2, 4, 8, 7),
        OnnxCase.Of("ReLU", () => nn.ReLU(), 2, 4),
        OnnxCase.Of("ReLU6", () => nn.ReLU6(), 2, 4),
        OnnxCase.Of("LeakyReLU", () => nn.LeakyReLU(0.1), 2, 4),
        OnnxCase.Of("PReLU", () => nn.PReLU(4), 2, 4, 3),
        OnnxCase.Of("ELU", () => nn.ELU(0.7), 2, 4),
        OnnxCase.Of("CELU", () => nn.CELU(0.7), 2, 4),
        OnnxCase.Of("SELU", () => nn.SELU(), 2, 4),
        OnnxCase.Of("GELU", () => nn.GELU(), 2, 4),
        OnnxCase.Of("SiLU", () => nn.SiLU(), 2, 4),
        OnnxCase.Of("Mish", () => nn.Mish(), 2, 4),
        OnnxCase.Of("Hardswish", () => nn.Hardswish(), 2, 4),
        OnnxCase.Of("Hardsigmoid", () => nn.Hardsigmoid(), 2, 4),
        OnnxCase.Of("Sigmoid", () => nn.Sigmoid(), 2, 4),
        OnnxCase.Of("LogSigmoid", () => nn.LogSigmoid(), 2, 4),
        OnnxCase.Of("Tanh", () => nn.Tanh(), 2, 4),
        OnnxCase.Of("Tanhshrink", () => nn.Tanhshrink(), 2, 4),
        OnnxCase.Of("Softplus", () => nn.Softplus(2), 2, 4),
        OnnxCase.Of("Softsign", () => nn.Softsign(), 2, 4),
        OnnxCase.Of("Softshrink", () => nn.Softshrink(), 2, 4),
        OnnxCase.Of("Hardshrink", () => nn.Hardshrink(), 2, 4),
        OnnxCase.Of("Threshold", () => nn.Threshold(0.1, -2), 2, 4),
        OnnxCase.Of("GLU", () => nn.GLU(1), 2, 4),
        OnnxCase.Of("Softmax", () => nn.Softmax(1), 2, 4),
        OnnxCase.Of("Softmax2d", () => nn.Softmax2d(), 2, 4, 3, 3),
        OnnxCase.Of("Softmin", () => nn.Softmin(1), 2, 4),
        OnnxCase.Of("LogSoftmax", () => nn.LogSoftmax(1), 2, 4),
        OnnxCase.Of("Identity", () => nn.Identity(), 2, 4),
        OnnxCase.Of("Flatten", () => nn.Flatten(), 2, 4, 3),
        OnnxCase.Of("Unflatten", () => nn.Unflatten(1, [2, 2]), 2, 4, 8),
        OnnxCase.Of("PixelShuffle", () => nn.PixelShuffle(2), 2, 4, 8, 8),
        OnnxCase.Of("PixelUnshuffle", () => nn.PixelUnshuffle(2), 2, 4, 8, 8),
        OnnxCase.Of("ChannelShuffle", () => nn.ChannelShuffle(2), 2, 4, 8, 8),
        OnnxCase.Of("Unfold", () => nn.Unfold(3, padding: 1, stride: 2), 2, 4, 8, 8),
        OnnxCase.Of("Fold", () => nn.Fold((8, 8), (3, 3), padding: (1, 1), stride: (2, 2)), 2, 36, 16),
        OnnxCase.Of("ConstantPad1d", () => nn.ConstantPad1d((1, 2), 0.5), 2, 4, 8),
        OnnxCase.Of("ConstantPad2d", () => nn.ConstantPad2d((1, 2, 0, 1), 0.5), 2, 4, 8, 8),
        OnnxCase.Of("ConstantPad3d", () => nn.ConstantPad3d(1, 0.5), 2, 2, 3, 3, 3),
        OnnxCase.Of("ZeroPad2d", () => nn.ZeroPad2d(1), 2, 4, 8, 8),
        OnnxCase.Of("ReflectionPad1d", () => nn.ReflectionPad1d(2), 2, 4, 8),
        OnnxCase.Of("ReflectionPad2d", () => nn.ReflectionPad2d(1), 2, 4, 8, 8),
        OnnxCase.Of("ReflectionPad3d", () => nn.ReflectionPad3d(1), 2, 2, 3, 3, 3),
        OnnxCase.Of("ReplicationPad1d", () => nn.ReplicationPad1d(2), 2, 4, 8),
        OnnxCase.Of("ReplicationPad2d", () => nn.ReplicationPad2d(1), 2, 4, 8, 8),
        OnnxCase.Of("ReplicationPad3d", () => nn.ReplicationPad3d(1), 2, 2, 3, 3, 3),
        OnnxCase.Of("Upsample nearest", () => nn.Upsample(scale_factor: [2, 2]), 2, 4, 8, 8),
        OnnxCase.Of("Upsample nearest, sizes", () => nn.Upsample(size: [13, 5]), 2, 4, 8, 8),
        OnnxCase.Of("Upsample linear", () => nn.Upsample(scale_factor: [2], mode: UpsampleMode.Linear), 2, 4, 8),
        OnnxCase.Of("Upsample bilinear", () => nn.Upsample(size: [13, 11], mode: UpsampleMode.Bilinear, align_corners: false), 2, 4, 8, 8),
        OnnxCase.Of("Upsample bilinear, aligned corners",
            () => nn.Upsample(size: [13, 11], mode: UpsampleMode.Bilinear, align_corners: true), 2, 4, 8, 8),
        OnnxCase.Of("Upsample bilinear, odd factor", () => nn.Upsample(scale_factor: [1.7, 1.3], mode: UpsampleMode.Bilinear), 2, 4, 8, 8),
        OnnxCase.Of("Upsample bicubic", () => nn.Upsample(scale_factor: [2, 2], mode: UpsampleMode.Bicubic, align_corners: false), 2, 4, 8,
            8),
        OnnxCase.Of("Upsample trilinear", () => nn.Upsample(scale_factor: [2, 2, 2], mode: UpsampleMode.Trilinear), 2, 2, 3, 3, 3),
        OnnxCase.Of("Dropout", () => nn.Dropout(0.3), 2, 4),
        OnnxCase.Of("Dropout1d", () => nn.Dropout1d(0.3), 2, 4, 3),
        OnnxCase.Of("Dropout2d", () => nn.Dropout2d(0.3), 2, 4, 3, 3),
        OnnxCase.Of("Dropout3d", () => nn.Dropout3d(0.3), 2, 4, 3, 3, 3),
        OnnxCase.Of("AlphaDropout", () => nn.AlphaDropout(0.3), 2, 4),
        OnnxCase.Of("FeatureAlphaDropout", () => nn.FeatureAlphaDropout(0.3), 2, 4),
        new("CosineSimilarity", () => nn.CosineSimilarity(), () => [randn(2, 4), randn(2, 4)]),
        new("PairwiseDistance", () => nn.PairwiseDistance(), () => [randn(2, 4), randn(2, 4)]),
        new("Embedding", () => nn.Embedding(7, 3), () => [randint(0, 7, [2, 5], dtype: ScalarType.Int64)]),
        OnnxCase.Of("LSTM", () => nn.LSTM(4, 5, 2, batchFirst: true, bidirectional: true), 2, 3, 4),
        OnnxCase.Of("GRU", () => nn.GRU(4, 5, 2, batchFirst: true, bidirectional: true), 2, 3, 4),
        OnnxCase.Of("RNN", () => nn.RNN(4, 5, 2, batchFirst: true), 2, 3, 4),
        OnnxCase.Of("RNN relu", () => nn.RNN(4, 5, 1, nn.NonLinearities.ReLU, batchFirst: true, bidirectional: true), 2, 3, 4),
        OnnxCase.Of("LSTMCell",
            () => new Holding<TorchSharp.Modules.LSTMCell>(nn.LSTMCell(4, 5),
                (c, x) => c.call(x, (zeros(x.shape[0], 5), zeros(x.shape[0], 5))).Item1), 2, 4),
        OnnxCase.Of("GRUCell", () => nn.GRUCell(4, 5), 2, 4),
        OnnxCase.Of("RNNCell", () => nn.RNNCell(4, 5), 2, 4),
        new("MultiheadAttention", () => new SelfAttention(), () => [randn(2, 3, 8)]),
        OnnxCase.Of("Sequential",
            () => nn.Sequential(nn.Conv2d(4, 8, 3, padding: 1L), nn.BatchNorm2d(8), nn.SiLU(), nn.MaxPool2d(2), nn.Flatten(),
                nn.Linear(128, 5)), 2, 4, 8, 8),
    ];

    // TorchSharp's group norm begins with memory as it was.
    private static nn.Module Filled(TorchSharp.Modules.GroupNorm norm)
    {
        nn.init.ones_(norm.weight!);
        nn.init.zeros_(norm.bias!);
        return norm;
    }

    private sealed class Unpooling : nn.Module<Tensor, Tensor>
    {
        private readonly TorchSharp.Modules.MaxPool2d _pool = nn.MaxPool2d(2);
        private readonly TorchSharp.Modules.MaxUnpool2d _unpool = nn.MaxUnpool2d(2);

        public Unpooling()
            : base(nameof(Unpooling)) => RegisterComponents();

        public override Tensor forward(Tensor t)
        {
            var (values, places) = _pool.forward_with_indices(t);
            return _unpool.call(values, places);
        }
    }

    private sealed class SelfAttention : nn.Module<Tensor, Tensor>
    {
        private readonly TorchSharp.Modules.MultiheadAttention _attention = nn.MultiheadAttention(8, 2);

        public SelfAttention()
            : base(nameof(SelfAttention)) => RegisterComponents();

        public override Tensor forward(Tensor t)
        {
            var s = t.transpose(0, 1);
            return _attention.call(s, s, s, null, false, null).Item1.transpose(0, 1);
        }
    }
}
