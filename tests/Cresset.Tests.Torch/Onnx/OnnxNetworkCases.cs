using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Cresset.Tests.Torch.Onnx;

/// <summary>Whole networks written in TorchSharp as torchvision writes them.</summary>
internal static class OnnxNetworkCases
{
    public static IReadOnlyList<OnnxCase> All { get; } =
    [
        OnnxCase.Of("ResNet-18", () => new ResNet18(10), 2, 3, 32, 32),
        OnnxCase.Of("MobileNetV2", () => new MobileNetV2(10), 2, 3, 32, 32),
        OnnxCase.Of("TransformerEncoder of 2 layers", () => new Encoder(), 2, 5, 16),
        OnnxCase.Of("TransformerDecoderLayer", () => new Decoder(), 2, 5, 16),
        new("LSTM over embedded tokens", () => new TokenLstm(), () => [randint(0, 30, [2, 7], dtype: ScalarType.Int64)]),
        OnnxCase.Of("U-Net of 3 levels", () => new SmallUNet(), 2, 3, 16, 16),
    ];

    private static Sequential Block(long from, long to, long kernel, long stride, long groups, bool activated)
    {
        var parts = new List<(string, Module<Tensor, Tensor>)> { ("conv",
            Conv2d(from, to, kernel, stride, kernel / 2, groups: groups, bias: false)), ("norm", BatchNorm2d(to)) };
        if (activated) parts.Add(("act", ReLU6()));
        return Sequential(parts);
    }

    private sealed class BasicBlock : Module<Tensor, Tensor>
    {
        private readonly Conv2d _conv1, _conv2;
        private readonly BatchNorm2d _bn1, _bn2;
        private readonly Sequential? _downsample;

        public BasicBlock(long from, long to, long stride)
            : base(nameof(BasicBlock))
        {
            _conv1 = Conv2d(from, to, 3, stride, 1, bias: false);
            _bn1 = BatchNorm2d(to);
            _conv2 = Conv2d(to, to, 3, 1, 1, bias: false);
            _bn2 = BatchNorm2d(to);
            if (stride != 1 || from != to) _downsample = Sequential(Conv2d(from, to, 1, stride, bias: false), BatchNorm2d(to));
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            var y = functional.relu(_bn1.call(_conv1.call(x)), inplace: true);
            y = _bn2.call(_conv2.call(y));
            return functional.relu(y.add_(_downsample is null ? x : _downsample.call(x)), inplace: true);
        }
    }

    private sealed class ResNet18 : Module<Tensor, Tensor>
    {
        private readonly Sequential _stem, _layers;
        private readonly Linear _fc;

        public ResNet18(long classes)
            : base(nameof(ResNet18))
        {
            _stem = Sequential(Conv2d(3, 64, 7, 2, 3, bias: false), BatchNorm2d(64), ReLU(inplace: true), MaxPool2d(3, 2, 1));
            long[] widths = [64, 64, 128, 256, 512];
            _layers =
                Sequential(Enumerable.Range(1, 4)
                    .SelectMany(
                        i => new Module<Tensor, Tensor>[] { new BasicBlock(widths[i - 1], widths[i], i == 1 ? 1 : 2),
                            new BasicBlock(widths[i], widths[i], 1) }).ToArray());
            _fc = Linear(512, classes);
            RegisterComponents();
        }

        public override Tensor forward(Tensor x) => _fc.call(functional.adaptive_avg_pool2d(_layers.call(_stem.call(x)), 1).flatten(1));
    }

    private sealed class InvertedResidual : Module<Tensor, Tensor>
    {
        private readonly Sequential _conv;
        private readonly bool _added;

        public InvertedResidual(long from, long to, long stride, long expand)
            : base(nameof(InvertedResidual))
        {
            _added = stride == 1 && from == to;
            var wide = from * expand;
            var parts = new List<Module<Tensor, Tensor>>();
            if (expand != 1) parts.Add(Block(from, wide, 1, 1, 1, activated: true));
            parts.Add(Block(wide, wide, 3, stride, wide, activated: true));
            parts.Add(Block(wide, to, 1, 1, 1, activated: false));
            _conv = Sequential(parts.ToArray());
            RegisterComponents();
        }

        public override Tensor forward(Tensor x) => _added ? x + _conv.call(x) : _conv.call(x);
    }

    private sealed class MobileNetV2 : Module<Tensor, Tensor>
    {
        private readonly Sequential _features, _classifier;

        public MobileNetV2(long classes)
            : base(nameof(MobileNetV2))
        {
            (long Expand, long Width, int Count, long Stride)[] table = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2),
                (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)];
            var parts = new List<Module<Tensor, Tensor>> { Block(3, 32, 3, 2, 1, activated: true) };
            var width = 32L;
            foreach (var row in table)
            {
                for (var i = 0; i < row.Count; i++)
                {
                    parts.Add(new InvertedResidual(width, row.Width, i == 0 ? row.Stride : 1, row.Expand));
                    width = row.Width;
                }
            }
            parts.Add(Block(width, 1280, 1, 1, 1, activated: true));
            _features = Sequential(parts.ToArray());
            _classifier = Sequential(Dropout(0.2), Linear(1280, classes));
            RegisterComponents();
        }

        public override Tensor forward(Tensor x) => _classifier.call(functional.adaptive_avg_pool2d(_features.call(x), 1).flatten(1));
    }

    private sealed class Encoder : Module<Tensor, Tensor>
    {
        private readonly TransformerEncoder _encoder = TransformerEncoder(TransformerEncoderLayer(16, 2, 32, 0.1), 2);

        public Encoder()
            : base(nameof(Encoder)) => RegisterComponents();

        public override Tensor forward(Tensor x) => _encoder.call(x.transpose(0, 1)).transpose(0, 1);
    }

    private sealed class Decoder : Module<Tensor, Tensor>
    {
        private readonly TransformerDecoderLayer _decoder = TransformerDecoderLayer(16, 2, 32, 0.1);

        public Decoder()
            : base(nameof(Decoder)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            var s = x.transpose(0, 1);
            return _decoder.call(s, s * 0.5).transpose(0, 1);
        }
    }

    private sealed class TokenLstm : Module<Tensor, Tensor>
    {
        private readonly Embedding _tokens = Embedding(30, 8);
        private readonly LSTM _lstm = LSTM(8, 12, 2, batchFirst: true);
        private readonly Linear _head = Linear(12, 30);

        public TokenLstm()
            : base(nameof(TokenLstm)) => RegisterComponents();

        public override Tensor forward(Tensor t) => _head.call(_lstm.call(_tokens.call(t)).Item1);
    }

    private sealed class SmallUNet : Module<Tensor, Tensor>
    {
        private readonly Conv2d _in = Conv2d(3, 8, 3, padding: 1L), _down = Conv2d(8, 16, 3, stride: 2, padding: 1L),
            _low = Conv2d(16, 32, 3, stride: 2, padding: 1L);
        private readonly ConvTranspose2d _up = ConvTranspose2d(32, 16, 2, stride: 2), _top = ConvTranspose2d(32, 8, 2, stride: 2);
        private readonly Conv2d _out = Conv2d(16, 3, 1L);

        public SmallUNet()
            : base(nameof(SmallUNet)) => RegisterComponents();

        public override Tensor forward(Tensor x)
        {
            var a = functional.silu(_in.call(x));
            var b = functional.silu(_down.call(a));
            var c = functional.silu(_low.call(b));
            var d = cat([functional.silu(_up.call(c)), b], 1);
            return _out.call(cat([functional.silu(_top.call(d)), a], 1));
        }
    }
}
