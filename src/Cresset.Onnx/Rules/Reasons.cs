namespace Cresset.Onnx;

/// <summary>Why some operations have no rule.</summary>
internal static class Reasons
{
    private static readonly (string Reason, string[] Operations)[] All =
    [
        ("It draws random numbers, which nothing could verify. ",
            ["rand", "randn", "rand_like", "randn_like", "randint", "randint_like", "randperm", "normal", "uniform", "bernoulli",
                "multinomial", "exponential", "random", "fractional_max_pool2d"]),
        ("The size of its result depends on the values. ",
            ["nonzero", "masked_select", "unique", "_unique2", "unique_consecutive", "bincount", "histc"]),
        ("ONNX has no operation for it. ",
            ["lgamma", "digamma", "polygamma", "erfinv", "special_erfinv", "special_i0", "i0", "igamma", "inverse", "linalg_inv",
                "linalg_inv_ex", "svd", "linalg_svd", "linalg_eigh", "linalg_qr", "linalg_cholesky", "cholesky", "linalg_solve", "cummax",
                "cummin", "cumprod", "logcumsumexp", "ctc_loss"]),
        ("ONNX has no complex numbers. ",
            ["view_as_complex", "view_as_real", "complex", "polar", "fft_fft", "fft_ifft", "fft_rfft", "fft_irfft", "fft_fft2", "fft_rfft2",
                "stft", "istft", "real", "imag", "angle", "conj", "_conj"]),
        ("ONNX's antialiasing weighs pixels otherwise than libtorch's; resize before the network. ",
            ["_upsample_bilinear2d_aa", "_upsample_bicubic2d_aa"]),
        ("Bags of differing lengths have no counterpart; use Embedding and a sum or mean. ", ["embedding_bag", "_embedding_bag"]),
    ];

    /// <summary>The reason, followed by a space; empty where it was not written yet.</summary>
    public static string Of(string operation) => All.FirstOrDefault(r => r.Operations.Contains(operation)).Reason ?? "";

    /// <summary>Operations that are refused on purpose, by reason.</summary>
    public static IReadOnlyList<(string Reason, string[] Operations)> Table => All;
}
