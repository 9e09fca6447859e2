namespace Cresset.Optim;

/// <summary>The software whose names and layout an optimizer's state has.</summary>
public enum OptimizerOrigin
{
    /// <summary>torch.optim; also Cresset's own layout for methods that PyTorch does not have.</summary>
    PyTorch,

    /// <summary>timm.optim (pytorch-image-models).</summary>
    Timm,

    /// <summary>The package pytorch_optimizer (kozistr).</summary>
    PyTorchOptimizer,
}
