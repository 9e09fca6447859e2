using Cresset.Nn;
using Cresset.Tensors;
using TorchSharp.Utils;
using static TorchSharp.torch;

namespace Cresset.Diffusion;

/// <summary>
/// A small decoder of SD3 latents (TAESD3, O. B. Bohan): about fifty times faster than the autoencoder's and nearly as good for previews.
/// Takes scaled latents. Reads taesd3's decoder file or diffusers' AutoencoderTiny.
/// </summary>
public sealed class TinyDecoder : nn.Module<Tensor, Tensor>
{
    private const int Channels = 64, Latent = 16;

    [ComponentName(Name = "layers")]
    private readonly Stack _layers;

    /// <summary>Builds the decoder.</summary>
    public TinyDecoder(WeightPlace? place = null)
        : base(nameof(TinyDecoder))
    {
        _layers = new Stack(place ?? WeightPlace.Cpu);
        RegisterComponents();
    }

    /// <summary>Loads taesd3_decoder.safetensors or the diffusers folder's file.</summary>
    public static TinyDecoder Load(string path, ScalarType dtype = ScalarType.Float32)
    {
        using var file = SafetensorsFile.Open(path);
        using var renamed = new VirtualSource(path);
        // Stability's numbering counts the clamp in front; diffusers' does not.
        var counted = file.Entries.Keys.Any(k => k.StartsWith("decoder.layers.", StringComparison.Ordinal)) ? 0 : 1;
        foreach (var key in file.Entries.Keys)
        {
            if (key.StartsWith("encoder.", StringComparison.Ordinal)) continue;
            var rest = key.Replace("decoder.layers.", "", StringComparison.Ordinal).Replace("decoder.", "", StringComparison.Ordinal);
            var dot = rest.IndexOf('.', StringComparison.Ordinal);
            if (dot > 0 && int.TryParse(rest[..dot], out var index)) renamed.Add($"layers.{index - counted}{rest[dot..]}", file, key);
        }
        var decoder = new TinyDecoder(WeightPlace.Nowhere);
        try
        {
            WeightLoader.Load(decoder, renamed, dtype);
            return decoder;
        }
        catch
        {
            decoder.Dispose();
            throw;
        }
    }

    /// <summary>Scaled latents [N, 16, h, w] to pictures [N, 3, 8h, 8w] in 0..1.</summary>
    public override Tensor forward(Tensor latents)
    {
        Shape.Expect(latents, "N 16 H W");
        using var scope = NewDisposeScope();
        // Far values are bent, not cut.
        return _layers.call(latents.div(3).tanh_().mul_(3)).clamp(0, 1).MoveToOuterDisposeScope();
    }

    private sealed class Stack : nn.Module<Tensor, Tensor>
    {
        private readonly List<nn.Module<Tensor, Tensor>?> _steps = [];

        public Stack(WeightPlace place)
            : base(nameof(Stack))
        {
            Add(new SquareConvolution(Latent, Channels, 3, place, padding: 1));
            Add(null);
            for (var stage = 0; stage < 4; stage++)
            {
                for (var i = 0; i < (stage < 3 ? 3 : 1); i++) Add(new Block(place));
                if (stage < 3)
                {
                    Skip();
                    Add(new SquareConvolution(Channels, Channels, 3, place, padding: 1, hasBias: false));
                }
            }
            Add(new SquareConvolution(Channels, 3, 3, place, padding: 1));
        }

        public override Tensor forward(Tensor input)
        {
            var x = input;
            for (var i = 0; i < _steps.Count; i++)
            {
                x = _steps[i] is { } step ? step.call(x) : i == 1 ? nn.functional.relu(x) : Upsample.Apply(x, scaleFactor: [2]);
            }
            return x;
        }

        private void Skip() => _steps.Add(null);

        private void Add(nn.Module<Tensor, Tensor>? step)
        {
            // Numbers are those of the reference's sequence, steps without weights included.
            if (step is not null) register_module(_steps.Count.ToString(System.Globalization.CultureInfo.InvariantCulture), step);
            _steps.Add(step);
        }
    }

    private sealed class Block : nn.Module<Tensor, Tensor>
    {
        [ComponentName(Name = "conv")]
        private readonly Convolutions _conv;

        public Block(WeightPlace place)
            : base(nameof(Block))
        {
            _conv = new Convolutions(place);
            RegisterComponents();
        }

        public override Tensor forward(Tensor input) => nn.functional.relu(_conv.call(input) + input);
    }

    private sealed class Convolutions : nn.Module<Tensor, Tensor>
    {
        [ComponentName(Name = "0")]
        private readonly SquareConvolution _first;

        [ComponentName(Name = "2")]
        private readonly SquareConvolution _second;

        [ComponentName(Name = "4")]
        private readonly SquareConvolution _third;

        public Convolutions(WeightPlace place)
            : base(nameof(Convolutions))
        {
            SquareConvolution New() => new(Channels, Channels, 3, place, padding: 1);
            (_first, _second, _third) = (New(), New(), New());
            RegisterComponents();
        }

        public override Tensor forward(Tensor input) =>
            _third.call(nn.functional.relu(_second.call(nn.functional.relu(_first.call(input)))));
    }
}
