using static TorchSharp.torch;

namespace Cresset.Nn;

/// <summary>
/// Checkpoints of one architecture differ by their keys alone: a block is written once, and its layers stand in the module under the keys
/// of whoever published the weights. "layer.0.SelfAttention.q" is a layer q in SelfAttention in 0 in layer.
/// </summary>
internal static class LayerKeys
{
    /// <summary>
    /// Registers a layer of <paramref name="owner"/> under a key with dots; what lies between is made where it is not there yet.
    /// </summary>
    /// <returns>The layer.</returns>
    public static T Add<T>(nn.Module owner, string key, T layer)
        where T : nn.Module
    {
        var dot = key.IndexOf('.', StringComparison.Ordinal);
        if (dot < 0)
        {
            owner.register_module(key, layer);
            return layer;
        }
        var (first, rest) = (key[..dot], key[(dot + 1)..]);
        var node = owner.named_children().FirstOrDefault(c => c.name == first).module;
        if (node is null)
        {
            node = new Node();
            owner.register_module(first, node);
        }
        return Add(node, rest, layer);
    }

    private sealed class Node : nn.Module
    {
        public Node()
            : base(nameof(Node))
        {
        }
    }
}
