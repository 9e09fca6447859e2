using System.Text.Json;
using Cresset.Quantization;
using Cresset.Tensors;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Cresset.Tests.Torch.Quantization;

[LeakFree]
public class PixelCnnGoldenTests
{
    private static void Load(nn.Module module, SafetensorsFile file, string prefix)
    {
        using var noGrad = no_grad();
        foreach (var (key, value) in module.state_dict())
        {
            if (key.EndsWith("mask", StringComparison.Ordinal)) continue;
            using var source = file.Read(prefix + key);
            Assert.Equal(source.shape, value.shape);
            value.copy_(source);
        }
    }

    [Theory]
    [InlineData(MaskKind.A, 3)]
    [InlineData(MaskKind.A, 5)]
    [InlineData(MaskKind.A, 7)]
    [InlineData(MaskKind.B, 3)]
    [InlineData(MaskKind.B, 5)]
    [InlineData(MaskKind.B, 7)]
    public void MasksAndMaskedConvolutions(MaskKind kind, int kernel)
    {
        using var scope = NewDisposeScope();
        using var file = Golden.Open("pixelcnn");
        var name = $"masked.{kind}{kernel}";
        Golden.Same(file.Read($"{name}.mask"), MaskedConv2d.Mask(1, 1, kernel, kind)[0, 0], "mask");
        using var conv = new MaskedConv2d(3, 4, kernel, kind);
        using (no_grad())
        {
            conv.state_dict()["weight"].copy_(file.Read($"{name}.weight_raw"));
            conv.state_dict()["bias"].copy_(file.Read($"{name}.bias"));
        }
        Golden.Near(file.Read($"{name}.y"), conv.call(file.Read($"{name}.x")), 2e-5, "output");
    }

    [Fact]
    public void ColourGroupsSeeTheGroupsBeforeThem()
    {
        using var scope = NewDisposeScope();
        using var json = JsonDocument.Parse(File.ReadAllText(Repository.Reference("vq/coding_and_sampling.json")));
        foreach (var kind in Enum.GetValues<MaskKind>())
        {
            var expected = json.RootElement.GetProperty("rgb_masks_centre").GetProperty(kind.ToString());
            var mask = MaskedConv2d.Mask(6, 6, 3, kind, groups: 3);
            for (var o = 0; o < 6; o++)
            {
                for (var i = 0; i < 6; i++) Assert.Equal(expected[o][i].GetDouble(), mask[o, i, 1, 1].ToDouble());
            }
        }
    }

    [Theory]
    [InlineData("gA", 7, MaskKind.A)]
    [InlineData("gB", 3, MaskKind.B)]
    public void GatedLayers(string name, int kernel, MaskKind kind)
    {
        using var scope = NewDisposeScope();
        using var file = Golden.Open("pixelcnn");
        using var layer = new GatedMaskedLayer(6, kernel, kind, classes: 4);
        Load(layer, file, $"{name}.");
        var (v, h) = layer.Apply(file.Read($"{name}.xv"), file.Read($"{name}.xh"), layer.RowsOf(file.Read($"{name}.label")));
        Golden.Near(file.Read($"{name}.out_v"), v, 2e-5, "vertical");
        Golden.Near(file.Read($"{name}.out_h"), h, 2e-5, "horizontal");
    }

    [Theory]
    [InlineData("pgA", 3, 7, MaskKind.A)]
    [InlineData("pgB", 6, 3, MaskKind.B)]
    public void GatedLayersWithSkips(string name, int channels, int kernel, MaskKind kind)
    {
        using var scope = NewDisposeScope();
        using var file = Golden.Open("pixelcnn");
        using var layer = new SkipGatedLayer(channels, 6, kernel, kind);
        Load(layer, file, $"{name}.");
        var (v, h, skip) = layer.Apply(file.Read($"{name}.xv"), file.Read($"{name}.xh"));
        Golden.Near(file.Read($"{name}.vstack"), v, 2e-5, "vertical");
        Golden.Near(file.Read($"{name}.hstack"), h, 2e-5, "horizontal");
        Golden.Near(file.Read($"{name}.skip"), skip, 2e-5, "skip");
    }

    [Fact]
    public void TheWholeModelItsLikelihoodAndWhatDependsOnWhat()
    {
        using var scope = NewDisposeScope();
        using var file = Golden.Open("pixelcnn");
        using var model = new GatedPixelCnn(new() { CodebookSize = 8, Width = 12, Layers = 3, Classes = 4 });
        Load(model, file, "net.");
        model.eval();
        Tensor codes = file.Read("net.codes"), labels = file.Read("net.label");
        Golden.Near(file.Read("net.logits"), model.call(codes, labels), 2e-5, "logits");
        var nll = model.NegativeLogLikelihood(codes, labels);
        Golden.Near(file.Read("net.nll_per_position"), nll, 2e-5, "likelihood");
        Golden.Near(file.Read("net.nats_per_code"), nll.mean(), 2e-5, "nats per code");
        // depends[p][q]: logits at p change with the embedding at q.
        var embedded = randn([1, 12, 7, 7], generator: new Generator(1)).requires_grad_();
        var logits = model.LogitsOf(embedded, labels.narrow(0, 0, 1)).square().sum(1).reshape(49);
        var depends = file.Read("net.depends");
        for (var p = 0; p < 49; p++)
        {
            var gradient = autograd.grad([logits[p]], [embedded], retain_graph: true)[0].abs().sum(1).reshape(49);
            Golden.Same(depends[p], gradient.ne(0).to(ScalarType.Float32), $"position {p}");
        }
    }
}
