using Cresset.Numerics;
using Cresset.Optim;
using Cresset.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Cresset.Training;

/// <summary>
/// A model beside <see cref="ITrainingTask.Module"/> with an optimizer of its own, such as the discriminator of a game. The task steps it,
/// usually in <see cref="ITrainingTask.AfterStep"/>; the trainer puts it on the device and saves and restores both in checkpoints.
/// </summary>
public sealed class AuxiliaryModel : ISaved, IDisposable
{
    private readonly OptimizationOptions _optimization;
    private Optimizer? _optimizer;

    /// <summary>Takes the module over.</summary>
    /// <param name="name">Its key in checkpoints: letters, digits, '-' and '_'.</param>
    /// <param name="module">The model.</param>
    /// <param name="optimization">Its optimizer; the schedule is not used.</param>
    public AuxiliaryModel(string name, nn.Module module, OptimizationOptions optimization)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(name);
        ArgumentNullException.ThrowIfNull(module);
        if (!name.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_'))
            throw new ArgumentException($"\"{name}\" must consist of letters, digits, '-' and '_': it is a key in checkpoints.",
                nameof(name));
        _optimization = optimization.ThrowIfInvalid();
        (Name, Module) = (name, module);
    }

    /// <summary>Its key in checkpoints.</summary>
    public string Name { get; }

    /// <summary>The model.</summary>
    public nn.Module Module { get; }

    /// <summary>Its optimizer, made when the trainer has put the module on its device.</summary>
    /// <exception cref="InvalidOperationException">No trainer has been made for the task yet.</exception>
    public Optimizer Optimizer =>
        _optimizer ?? throw new InvalidOperationException($"The optimizer of '{Name}' exists once a trainer has been made for the task.");

    /// <summary>Frees model and optimizer.</summary>
    public void Dispose()
    {
        _optimizer?.Dispose();
        Module.Dispose();
    }

    internal void Place(Device device)
    {
        Module.to(device);
        _optimizer?.Dispose();
        _optimizer = _optimization.CreateOptimizer(Module);
    }

    /// <inheritdoc/>
    public void Save(Snapshot state)
    {
        ArgumentNullException.ThrowIfNull(state);
        state.Put("model", Module);
        Optimizer.Save(state);
    }

    /// <inheritdoc/>
    public void Load(Snapshot state)
    {
        ArgumentNullException.ThrowIfNull(state);
        state.Get("model", Module);
        Optimizer.Load(state);
    }
}
