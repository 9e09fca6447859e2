using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Flows;

/// <summary>Glow as glow-pytorch stores it; its keys are ours.</summary>
internal static class GlowPytorchReader
{
    public static Glow Read(ForeignState state, FlowCheckpointOptions options)
    {
        if (options.PictureSize == 0)
            throw state.Refused("a Glow's file does not say how large its pictures are: set FlowCheckpointOptions.PictureSize");
        var blocks = state.Under("blocks");
        var levels = blocks.Numbers();
        var steps = blocks.Under(0).Under("flows").Numbers().Length;
        var first = blocks.Under("0.flows.0");
        var channels = first.Size("actnorm.loc", 1) / 4;
        var sizes = new GlowOptions
        {
            Channels = checked((int)channels),
            Size = options.PictureSize,
            Columns = options.PictureColumns,
            Levels = levels.Length,
            Steps = steps,
            Width = checked((int)first.Size("coupling.net.0.weight", 0)),
            Affine = first.Size("coupling.net.4.conv.weight", 0) == 4 * channels,
            Lu = first.Has("invconv.w_l"),
            LuInLastLevel = blocks.Under($"{levels.Length - 1}.flows.0").Has("invconv.w_l"),
        };
        var glow = new Glow(sizes);
        // Signs and permutations of a decomposed convolution are buffers: without them it would be another matrix.
        if (glow.state_dict().Keys.FirstOrDefault(k => !state.Has(k)) is { } absent)
        {
            glow.Dispose();
            throw state.Refused($"there is no '{absent}'");
        }
        return state.Fill(glow, state.Keys.ToDictionary(k => k, state.Take));
    }
}
