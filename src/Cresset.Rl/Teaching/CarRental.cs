using Cresset.Numerics;

namespace Cresset.Rl;

/// <summary>Choices for <see cref="CarRental"/>; the defaults are Sutton and Barto's example 4.2.</summary>
public sealed record CarRentalOptions : IOptionsRecord
{
    /// <summary>Most cars at a location.</summary>
    public int Capacity { get; init; } = 20;

    /// <summary>Most cars moved in a night.</summary>
    public int MaxMoves { get; init; } = 5;

    /// <summary>Mean requests per day at the two locations.</summary>
    public (double First, double Second) Requests { get; init; } = (3, 4);

    /// <summary>Mean returns a day at the two locations.</summary>
    public (double First, double Second) Returns { get; init; } = (3, 2);

    /// <summary>Income a rental.</summary>
    public double RentalReward { get; init; } = 10;

    /// <summary>Cost of moving a car.</summary>
    public double MoveCost { get; init; } = 2;

    /// <summary>Whether the first car from the first to the second location moves for free (exercise 4.7).</summary>
    public bool FirstMoveIsFree { get; init; }

    /// <summary>Cost a night and location of keeping more than ten cars (exercise 4.7 uses 4).</summary>
    public double ParkingCost { get; init; }

    /// <summary>The variant of exercise 4.7.</summary>
    public static CarRentalOptions Exercise47 => new() { FirstMoveIsFree = true, ParkingCost = 4 };

    /// <inheritdoc/>
    public IEnumerable<OptionProblem> Validate() => new OptionChecks()
        .Within(Capacity, 1, 40)
        .Within(MaxMoves, 0, Capacity)
        .Finite(RentalReward).Finite(MoveCost).Finite(ParkingCost)
        .Must(Requests is { First: > 0, Second: > 0 }, Requests, "positive means")
        .Must(Returns is { First: > 0, Second: > 0 }, Returns, "positive means");
}

/// <summary>
/// Jack's car rental: every night move cars between two locations. State: cars at the first * (capacity + 1) + cars at the second;
/// action a moves a - MaxMoves cars from the first to the second. A continuing task for discount factors below 1.
/// </summary>
public sealed class CarRental : Environment<int, int>, IActionMask
{
    private readonly CarRentalOptions _options;
    private int _first;
    private int _second;

    /// <summary>Makes the business.</summary>
    public CarRental(CarRentalOptions? options = null)
        : base(new Discrete(((options ??= new()).ThrowIfInvalid().Capacity + 1) * (options.Capacity + 1)),
            new Discrete((2 * options.MaxMoves) + 1))
        => _options = options;

    /// <summary>
    /// The exact table with the expected income as reward: requests beyond the cars at hand and returns beyond the capacity are summed in
    /// closed form.
    /// </summary>
    public static TransitionTable BuildModel(CarRentalOptions? options = null)
    {
        options = (options ?? new()).ThrowIfInvalid();
        var count = options.Capacity + 1;
        var (chance1, income1) = Day(options.Capacity, options.Requests.First, options.Returns.First, options.RentalReward);
        var (chance2, income2) = Day(options.Capacity, options.Requests.Second, options.Returns.Second, options.RentalReward);
        var table = new TransitionTableBuilder(count * count, (2 * options.MaxMoves) + 1);
        for (var state = 0; state < count * count; state++)
        {
            for (var action = 0; action < (2 * options.MaxMoves) + 1; action++)
            {
                if (Night(options, state / count, state % count, action) is not { } night) continue;
                var reward = income1[night.First] + income2[night.Second] - night.Cost;
                for (var a = 0; a < count; a++)
                {
                    for (var b = 0; b < count; b++)
                        table.Add(state, action, chance1[night.First, a] * chance2[night.Second, b], (a * count) + b, reward);
                }
            }
        }
        return table.StartIn((options.Capacity / 2 * count) + (options.Capacity / 2)).Build();
    }

    /// <inheritdoc/>
    public void WriteActionMask(Span<bool> mask)
    {
        for (var a = 0; a < mask.Length; a++) mask[a] = Night(_options, _first, _second, a) is not null;
    }

    /// <inheritdoc/>
    protected override void Begin() => _first = _second = _options.Capacity / 2;

    /// <inheritdoc/>
    protected override StepOutcome Advance(ReadOnlySpan<int> action)
    {
        var night = Night(_options, _first, _second, action[0])!.Value;
        var rentals1 = Math.Min(night.First, Poisson(_options.Requests.First));
        var rentals2 = Math.Min(night.Second, Poisson(_options.Requests.Second));
        _first = Math.Min(_options.Capacity, night.First - rentals1 + Poisson(_options.Returns.First));
        _second = Math.Min(_options.Capacity, night.Second - rentals2 + Poisson(_options.Returns.Second));
        return new StepOutcome((_options.RentalReward * (rentals1 + rentals2)) - night.Cost, false);
    }

    /// <inheritdoc/>
    protected override void Observe(Span<int> observation) => observation[0] = (_first * (_options.Capacity + 1)) + _second;

    /// <inheritdoc/>
    protected override bool IsValid(ReadOnlySpan<int> action) =>
        ActionSpace.Contains(action) && Night(_options, _first, _second, action[0]) is not null;

    /// <inheritdoc/>
    protected override void SaveState(BinaryWriter writer)
    {
        writer.Write(_first);
        writer.Write(_second);
    }

    /// <inheritdoc/>
    protected override void LoadState(BinaryReader reader) => (_first, _second) = (reader.ReadInt32(), reader.ReadInt32());

    private static (int First, int Second, double Cost)? Night(CarRentalOptions options, int first, int second, int action)
    {
        var moved = action - options.MaxMoves;
        if (moved > first || -moved > second) return null;
        var paid = options.FirstMoveIsFree && moved > 0 ? moved - 1 : Math.Abs(moved);
        first = Math.Min(options.Capacity, first - moved);
        second = Math.Min(options.Capacity, second + moved);
        var parking = (first > 10 ? options.ParkingCost : 0) + (second > 10 ? options.ParkingCost : 0);
        return (first, second, (paid * options.MoveCost) + parking);
    }

    // Chances of the number of cars after a day and the expected income, by the number of cars in the morning.
    private static (double[,] Chance, double[] Income) Day(int capacity, double requests, double returns, double rentalReward)
    {
        var chance = new double[capacity + 1, capacity + 1];
        var income = new double[capacity + 1];
        for (var cars = 0; cars <= capacity; cars++)
        {
            var left = 1.0;
            for (var rented = 0; rented <= cars; rented++)
            {
                var p = rented < cars ? Probability(requests, rented) : left;
                left -= p;
                income[cars] += p * rented * rentalReward;
                var rest = 1.0;
                for (var returned = 0; cars - rented + returned <= capacity; returned++)
                {
                    var evening = cars - rented + returned;
                    var q = evening < capacity ? Probability(returns, returned) : rest;
                    rest -= q;
                    chance[cars, evening] += p * q;
                }
            }
        }
        return (chance, income);
    }

    private static double Probability(double mean, int count)
    {
        var p = Math.Exp(-mean);
        for (var i = 1; i <= count; i++) p *= mean / i;
        return p;
    }

    private int Poisson(double mean)
    {
        var draw = Random.NextDouble();
        var p = Math.Exp(-mean);
        var count = 0;
        while (draw > p && count < 1000)
        {
            draw -= p;
            p *= mean / ++count;
        }
        return count;
    }
}
