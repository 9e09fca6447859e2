using static TorchSharp.torch;

namespace Cresset.Recipes;

/// <summary>One function of a trained model that a file can hold: an encoder, a decoder, a classifier with its preprocessing.</summary>
/// <param name="Name">What it is called when a model has several, such as <c>encoder</c>; empty for the only one.</param>
/// <param name="Module">Holds the weights.</param>
/// <param name="Function">What is exported, in tensor operations.</param>
/// <param name="Example">Inputs of the sizes that the file takes.</param>
/// <param name="Inputs">Names of the inputs.</param>
/// <param name="Outputs">Names of the results.</param>
public sealed record ExportedGraph(
    string Name, nn.Module Module, Func<IReadOnlyList<Tensor>, IReadOnlyList<Tensor>> Function, IReadOnlyList<Tensor> Example,
    IReadOnlyList<string> Inputs, IReadOnlyList<string> Outputs)
{
    /// <summary>What a user of the file must know: names of classes, ranges, units.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = new Dictionary<string, string>();

    /// <summary>Sizes beside the batch that may vary, by name, with their dimension.</summary>
    public IReadOnlyDictionary<string, int> VaryingSizes { get; init; } = new Dictionary<string, int>();
}

/// <summary>A task whose trained model other programs can run.</summary>
internal interface IExportsGraphs
{
    /// <summary>Its functions; the model is in evaluation mode on the CPU. Tensors that are made join the open scope.</summary>
    IReadOnlyList<ExportedGraph> Graphs();
}

/// <summary>The functions of a run's best model, until it is disposed.</summary>
public sealed class ExportedModel : IDisposable
{
    private readonly IDisposable _owner;
    private readonly IDisposable _scope;

    internal ExportedModel(IDisposable owner, IExportsGraphs source)
    {
        _owner = owner;
        _scope = NewDisposeScope();
        try
        {
            Graphs = source.Graphs();
        }
        catch
        {
            _scope.Dispose();
            throw;
        }
    }

    /// <summary>The functions.</summary>
    public IReadOnlyList<ExportedGraph> Graphs { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        _scope.Dispose();
        _owner.Dispose();
    }
}
