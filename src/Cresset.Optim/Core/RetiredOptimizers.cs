using Cresset.Numerics;

// Optimizers of version 0.1 that are gone; docs/optimization.md has the reasons.
[assembly: RetiredPart("optimizer", "rmsprop-tf",
    "rmsprop with alpha 0.9, epsilon 1e-10, momentum 0.9, epsilon_in_root true, initial_accumulator 1 and rate_in_momentum true")]
[assembly: RetiredPart("optimizer", "nadamw", "adamw with nesterov true")]
[assembly: RetiredPart("optimizer", "dadapt-sgd", "prodigy")]
[assembly: RetiredPart("optimizer", "dadapt-adam", "prodigy")]
[assembly: RetiredPart("optimizer", "dadapt-lion", "prodigy")]
[assembly: RetiredPart("optimizer", "dadapt-adagrad", "prodigy")]
[assembly: RetiredPart("optimizer", "adamg", "prodigy")]
[assembly: RetiredPart("optimizer", "swats", "adabound, which ends as SGD too")]
[assembly: RetiredPart("optimizer", "adamod", "radam")]
[assembly: RetiredPart("optimizer", "fadam", "adamw")]
[assembly: RetiredPart("optimizer", "padam", "adabound")]
[assembly: RetiredPart("optimizer", "adapnm", "adamw")]
[assembly: RetiredPart("optimizer", "simplified-ademamix", "ademamix")]
[assembly: RetiredPart("optimizer", "pnm", "sgd with momentum 0.9")]
[assembly: RetiredPart("optimizer", "sgd-sai", "lars")]
[assembly: RetiredPart("optimizer", "fromage", "lars")]
