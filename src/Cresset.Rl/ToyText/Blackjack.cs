using System.Runtime.InteropServices;

namespace Cresset.Rl;

/// <summary>Which rule pays for a natural (an ace and a ten-valued card as the first two).</summary>
public enum BlackjackRule
{
    /// <summary>A natural is a 21 like any other.</summary>
    Plain,

    /// <summary>A win with a natural pays 1.5.</summary>
    NaturalPaysMore,

    /// <summary>A natural wins unless the dealer has one too (Sutton and Barto, example 5.1; Gymnasium's registered default).</summary>
    SuttonBarto,
}

/// <summary>
/// Blackjack against a dealer who hits below 17, with an infinite deck. Actions: 0 stick, 1 hit. Observation: the player's sum, the
/// dealer's card (ace is 1), whether the player has a usable ace. Draws card for card like Gymnasium's <c>Blackjack</c>.
/// </summary>
public sealed class Blackjack : Environment<int, int>, IRenderable
{
    private readonly BlackjackRule _rule;
    private readonly List<int> _player = [];
    private readonly List<int> _dealer = [];

    /// <summary>Makes the environment.</summary>
    public Blackjack(BlackjackRule rule = BlackjackRule.SuttonBarto)
        : base(new TupleSpace<int>(new Discrete(32), new Discrete(11), new Discrete(2)), new Discrete(2))
    {
        if (!Enum.IsDefined(rule)) throw new ArgumentOutOfRangeException(nameof(rule), rule, "Not a rule of blackjack.");
        _rule = rule;
    }

    /// <summary>The player's cards; aces are 1.</summary>
    public IReadOnlyList<int> PlayerCards => _player;

    /// <summary>The dealer's cards; the first is open.</summary>
    public IReadOnlyList<int> DealerCards => _dealer;

    /// <inheritdoc/>
    public int FramesPerSecond => 2;

    /// <summary>Starts an episode from the given cards.</summary>
    public void SetCards(ReadOnlySpan<int> player, ReadOnlySpan<int> dealer)
    {
        if (player.Length < 2 || dealer.Length < 2)
            throw new ArgumentException("Player and dealer need at least two cards.", nameof(player));
        _player.Clear();
        _player.AddRange(player);
        _dealer.Clear();
        _dealer.AddRange(dealer);
        IsRunning = true;
    }

    /// <summary>The best total of a hand and whether it counts an ace as 11.</summary>
    public static (int Sum, bool UsableAce) Count(IReadOnlyList<int> hand)
    {
        var sum = 0;
        var ace = false;
        for (var i = 0; i < hand.Count; i++)
        {
            sum += hand[i];
            ace |= hand[i] == 1;
        }
        return ace && sum + 10 <= 21 ? (sum + 10, true) : (sum, false);
    }

    private static (int Sum, bool UsableAce) Count(List<int> hand)
    {
        var sum = 0;
        var ace = false;
        foreach (var card in CollectionsMarshal.AsSpan(hand))
        {
            sum += card;
            ace |= card == 1;
        }
        return ace && sum + 10 <= 21 ? (sum + 10, true) : (sum, false);
    }

    /// <inheritdoc/>
    public RgbImage Render()
    {
        var canvas = new Canvas(new RgbImage(420, 260, new Rgb(30, 110, 70)));
        DrawHand(canvas, _dealer, 20, IsRunning ? 1 : _dealer.Count, "DEALER");
        DrawHand(canvas, _player, 140, _player.Count, $"PLAYER {Count(_player).Sum}");
        return canvas.Image;
    }

    /// <inheritdoc/>
    public string RenderText()
    {
        var (sum, ace) = Count(_player);
        var dealer = IsRunning ? $"{Card(_dealer[0])} ?" : string.Join(' ', _dealer.Select(Card));
        return $"dealer {dealer}\nplayer {string.Join(' ', _player.Select(Card))}  = {sum}{(ace ? " (usable ace)" : "")}\n";
    }

    /// <inheritdoc/>
    protected override void Begin()
    {
        _dealer.Clear();
        _player.Clear();
        _dealer.Add(Draw());
        _dealer.Add(Draw());
        _player.Add(Draw());
        _player.Add(Draw());
        // The suit and, for tens, the face of the open card are only drawn for pictures, but they move the stream.
        Random.NextInt32(4);
        if (_dealer[0] == 10) Random.NextInt32(3);
    }

    /// <inheritdoc/>
    protected override StepOutcome Advance(ReadOnlySpan<int> action)
    {
        if (action[0] == 1)
        {
            _player.Add(Draw());
            return Count(_player).Sum > 21 ? new StepOutcome(-1, true) : new StepOutcome(0, false);
        }
        // The hand is counted once and card by card from there on.
        int hard = 0, aces = 0;
        foreach (var card in CollectionsMarshal.AsSpan(_dealer)) (hard, aces) = (hard + card, aces + (card == 1 ? 1 : 0));
        while ((aces > 0 && hard + 10 <= 21 ? hard + 10 : hard) < 17)
        {
            var card = Draw();
            _dealer.Add(card);
            (hard, aces) = (hard + card, aces + (card == 1 ? 1 : 0));
        }
        return new StepOutcome(Settle(), true);
    }

    /// <inheritdoc/>
    protected override void Observe(Span<int> observation)
    {
        var (sum, ace) = Count(_player);
        (observation[0], observation[1], observation[2]) = (sum, _dealer[0], ace ? 1 : 0);
    }

    /// <inheritdoc/>
    protected override bool IsValid(ReadOnlySpan<int> action) => action.Length == 1 && (uint)action[0] < 2;

    /// <inheritdoc/>
    protected override void SaveState(BinaryWriter writer)
    {
        foreach (var hand in (List<int>[])[_player, _dealer])
        {
            writer.Write(hand.Count);
            foreach (var card in hand) writer.Write(card);
        }
    }

    /// <inheritdoc/>
    protected override void LoadState(BinaryReader reader)
    {
        foreach (var hand in (List<int>[])[_player, _dealer])
        {
            hand.Clear();
            for (var left = reader.ReadInt32(); left > 0; left--) hand.Add(reader.ReadInt32());
        }
    }

    private static bool IsNatural(List<int> hand) => hand.Count == 2 && hand.Contains(1) && hand.Contains(10);

    private static string Card(int value) => value == 1 ? "A" : value.ToString(System.Globalization.CultureInfo.InvariantCulture);

    private static void DrawHand(Canvas canvas, List<int> hand, int y, int open, string title)
    {
        canvas.Text(20, y, title, new Rgb(255, 255, 255), 3);
        for (var i = 0; i < hand.Count; i++)
        {
            canvas.FillRectangle(20 + (i * 55), y + 22, 48, 70, i < open ? new Rgb(250, 250, 245) : new Rgb(120, 40, 40));
            if (i < open) canvas.CenteredText(44 + (i * 55), y + 57, Card(hand[i]), new Rgb(20, 20, 20), 5);
        }
    }

    private int Draw() => Math.Min(Random.NextInt32(13) + 1, 10);

    private double Settle()
    {
        var player = Count(_player).Sum;
        var dealer = Count(_dealer).Sum;
        var comparison = Math.Sign((player > 21 ? 0 : player) - (dealer > 21 ? 0 : dealer));
        var natural = IsNatural(_player);
        return _rule switch
        {
            BlackjackRule.SuttonBarto when natural && !IsNatural(_dealer) => 1,
            BlackjackRule.NaturalPaysMore when natural && comparison == 1 => 1.5,
            _ => comparison,
        };
    }
}
