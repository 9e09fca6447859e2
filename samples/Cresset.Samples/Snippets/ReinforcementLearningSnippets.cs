using Cresset.Numerics;
using Cresset.Rl;
using Cresset.Rl.Deep;
using Cresset.Runs;

namespace Cresset.Samples.Snippets;

/// <summary>docs/reinforcement-learning.md.</summary>
internal static class ReinforcementLearningSnippets
{
    public static void Balance()
    {
        var environment = new TimeLimit<float, int>(new CartPole(), 500);
        var observation = environment.Reset(seed: 42);          // 0.0273956, -0.00611216, 0.03585979, 0.0197368, as in Gymnasium
        StepOutcome outcome;
        do outcome = environment.Step(observation[2] > 0 ? 1 : 0, observation.AsSpan());
        while (!outcome.Ended);
    }

    public static void Planning()
    {
        var model = new ZhaoGridWorld().Model;
        var result = ValueIteration.Solve(model, new() { Gamma = 0.9 });
        Console.WriteLine($"{result.Iterations} sweeps, contraction {result.Trace[^1].Contraction:0.000}");
        var exact = PolicyEvaluation.Exact(model, TabularPolicy.Uniform(model), 0.9);
    }

    public static void OwnTable()
    {
        var table = new TransitionTableBuilder(states: 2, actions: 1)
            .Add(0, 0, 0.9, nextState: 1, reward: 1).Add(0, 0, 0.1, nextState: 0, reward: 0)
            .Add(1, 0, 1, nextState: 1, reward: 0, terminated: true)
            .StartIn(0).Build();
    }

    public static void Taxis()
    {
        var learner = new QLearning(500, 6,
            new() { Gamma = 0.99, StepSize = StepSizeRule.Constant(0.5), Exploration = new() { Epsilon = 0.1 } });
        TabularControl.Run(new TimeLimit<int, int>(new Taxi(), 200), learner, episodes: 3000, new RandomStream(1), seed: 1);
        Console.WriteLine(TabularControl.Evaluate(new TimeLimit<int, int>(new Taxi(), 200), learner.GreedyActions(), 100, seed: 2));
    }

    public static void Triad()
    {
        var weights = BairdCounterexample.InitialWeights();
        for (var sweep = 0; sweep < 1000; sweep++) BairdCounterexample.DynamicProgrammingSweep(weights, 0.01);
        Console.WriteLine(weights.Max());   // grows without end
    }

    public static void DeepBalance()
    {
        static IEnvironment<float, int> Pole() => new TimeLimit<float, int>(new CartPole(), 500);
        var poles = new SyncVectorEnvironment<float, int>(1, Pole, AutoresetMode.SameStep);
        using var agent = new DqnAgent(poles, DqnOptions.ZooCartPole with { Double = true, Hidden = [64, 64] }, seed: 1);
        var loop = new AgentLoop(agent, Pole, new() { Steps = 3000, EvaluateEvery = 1500, EvaluationEpisodes = 20 },
            NullRunRecorder.Instance);
        loop.Run();
        Console.WriteLine(
            $"best greedy return {loop.BestReturn:0}, now {EpisodeEvaluation.Run(agent, Pole, episodes: 20, seed: 2).Mean:0}");
    }

    public static void PolicyGradients()
    {
        var carts = new SyncVectorEnvironment<float, int>(8, () => new TimeLimit<float, int>(new CartPole(), 500), AutoresetMode.SameStep);
        using var agent = new ActorCriticAgent<int>(carts,
            ActorCriticOptions.Ppo with { RolloutSteps = 32, Minibatches = 1, Epochs = 20, Gamma = 0.98, Lambda = 0.8 }, seed: 1);
        while (agent.Step < 50_000) agent.Advance();
        Console.WriteLine(EpisodeEvaluation.Run(agent, () => new TimeLimit<float, int>(new CartPole(), 500), episodes: 100, seed: 2).Mean);
    }
}
