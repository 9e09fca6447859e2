using System.Text.Json.Nodes;

// A lift between ten floors as a server: command: dotnet WorldServer.dll. One JSON object per line in, one per line out.
var (random, floor, wanted) = (new Random(0), 0, 0);
JsonNode Seen() => new JsonArray(floor / 9.0, wanted / 9.0);

while (Console.ReadLine() is { } line)
{
    var ask = JsonNode.Parse(line)!;
    JsonNode answer = new JsonObject();
    switch ((string?)ask["do"])
    {
        case "hello":
            answer = JsonNode.Parse("""
                {"name": "Lift", "observation": {"kind": "box", "low": 0, "high": 1, "shape": [2]},
                 "action": {"kind": "discrete", "n": 3}, "max_episode_steps": 20, "reward_threshold": 0.5}
                """)!;
            break;
        case "reset":
            random = new Random((int)((ulong)ask["seed"]! % int.MaxValue));
            (floor, wanted) = (random.Next(10), random.Next(10));
            answer["observation"] = Seen();
            break;
        case "step":
            floor = Math.Clamp(floor + (int)ask["action"]! - 1, 0, 9);
            answer["observation"] = Seen();
            answer["reward"] = floor == wanted ? 1 : -0.05;
            answer["terminated"] = floor == wanted;
            answer["truncated"] = false;
            break;
    }
    Console.WriteLine(answer.ToJsonString());
}
