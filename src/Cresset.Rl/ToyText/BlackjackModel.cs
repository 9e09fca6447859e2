namespace Cresset.Rl;

/// <summary>
/// The exact decision process behind <see cref="Blackjack"/>: one state for every sum, open card and usable ace, ten more for naturals
/// (they pay differently under two of the rules), one final state. For planning and for checking what learners find.
/// </summary>
public static class BlackjackModel
{
    /// <summary>The state after the end of a hand.</summary>
    public const int FinalState = 450;

    private const int NaturalStates = 440;

    /// <summary>The number of a state.</summary>
    /// <param name="sum">The player's best total, 4 to 21.</param>
    /// <param name="dealerCard">The dealer's open card, 1 (ace) to 10.</param>
    /// <param name="usableAce">Whether an ace counts 11.</param>
    /// <param name="natural">Whether the total is 21 with the first two cards.</param>
    public static int State(int sum, int dealerCard, bool usableAce, bool natural = false)
        => natural ? NaturalStates + dealerCard - 1 : ((((usableAce ? 22 : 0) + sum) * 10) + dealerCard) - 1;

    /// <summary>Probability of a card of this value.</summary>
    public static double CardProbability(int card) => card == 10 ? 4.0 / 13.0 : 1.0 / 13.0;

    /// <summary>The exact table: actions 0 stick and 1 hit; starts with the deal.</summary>
    public static TransitionTable Build(BlackjackRule rule = BlackjackRule.SuttonBarto)
    {
        var table = new TransitionTableBuilder(FinalState + 1, 2);
        for (var dealer = 1; dealer <= 10; dealer++)
        {
            var totals = DealerTotals(dealer);
            foreach (var usable in (bool[])[false, true])
            {
                for (var sum = usable ? 12 : 4; sum <= 21; sum++)
                {
                    AddStick(table, State(sum, dealer, usable), sum, totals, natural: false, rule);
                    AddHit(table, State(sum, dealer, usable), sum, dealer, usable);
                }
            }
            AddStick(table, State(21, dealer, true, natural: true), 21, totals, natural: true, rule);
            AddHit(table, State(21, dealer, true, natural: true), 21, dealer, usable: true);
        }
        AddStarts(table);
        return table.Build();
    }

    /// <summary>
    /// Probabilities of what the dealer ends with: index 0 to 4 for 17 to 21 without a natural, 5 for a natural, 6 for bust.
    /// </summary>
    public static double[] DealerTotals(int openCard)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(openCard, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(openCard, 10);
        var totals = new double[7];
        for (var hidden = 1; hidden <= 10; hidden++)
        {
            var (sum, ace) = (openCard + hidden, openCard == 1 || hidden == 1);
            if (ace && sum == 11) totals[5] += CardProbability(hidden);
            else Play(totals, sum, ace, CardProbability(hidden));
        }
        return totals;
    }

    private static void Play(double[] totals, int hardSum, bool ace, double probability)
    {
        var sum = ace && hardSum + 10 <= 21 ? hardSum + 10 : hardSum;
        if (sum >= 17)
        {
            totals[sum > 21 ? 6 : sum - 17] += probability;
            return;
        }
        for (var card = 1; card <= 10; card++) Play(totals, hardSum + card, ace || card == 1, probability * CardProbability(card));
    }

    private static void AddStick(TransitionTableBuilder table, int state, int sum, double[] totals, bool natural, BlackjackRule rule)
    {
        double win = totals[6], draw = 0, lose = 0;
        for (var i = 0; i <= 5; i++)
        {
            var dealer = i == 5 ? 21 : 17 + i;
            if (natural && rule == BlackjackRule.SuttonBarto && i != 5) win += totals[i];
            else if (sum > dealer) win += totals[i];
            else if (sum == dealer) draw += totals[i];
            else lose += totals[i];
        }
        var prize = natural && rule == BlackjackRule.NaturalPaysMore ? 1.5 : 1;
        if (win > 0) table.Add(state, 0, win, FinalState, prize, true);
        if (draw > 0) table.Add(state, 0, draw, FinalState, 0, true);
        if (lose > 0) table.Add(state, 0, lose, FinalState, -1, true);
    }

    private static void AddHit(TransitionTableBuilder table, int state, int sum, int dealer, bool usable)
    {
        for (var card = 1; card <= 10; card++)
        {
            var hard = (usable ? sum - 10 : sum) + card;
            var ace = usable || card == 1;
            var probability = CardProbability(card);
            if (hard > 21) table.Add(state, 1, probability, FinalState, -1, true);
            else if (ace && hard + 10 <= 21) table.Add(state, 1, probability, State(hard + 10, dealer, true), 0);
            else table.Add(state, 1, probability, State(hard, dealer, false), 0);
        }
    }

    private static void AddStarts(TransitionTableBuilder table)
    {
        var start = new double[FinalState];
        for (var dealer = 1; dealer <= 10; dealer++)
        {
            for (var a = 1; a <= 10; a++)
            {
                for (var b = 1; b <= 10; b++)
                {
                    var ace = a == 1 || b == 1;
                    var probability = CardProbability(dealer) * CardProbability(a) * CardProbability(b);
                    start[State(a + b + (ace ? 10 : 0), dealer, ace, natural: ace && a + b == 11)] += probability;
                }
            }
        }
        for (var s = 0; s < start.Length; s++)
        {
            if (start[s] > 0) table.StartIn(s, start[s]);
        }
    }
}
