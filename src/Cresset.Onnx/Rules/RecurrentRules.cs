namespace Cresset.Onnx;

/// <summary>LSTM, GRU and plain recurrent layers of any depth, in one direction or both, and their single cells.</summary>
internal static class RecurrentRules
{
    public static void AddTo(RuleTable table)
    {
        // libtorch's gates are input, forget, cell, output; ONNX's input, output, forget, cell.
        table.Many("lstm", c => Layers(c, "LSTM", [0, 3, 1, 2], c.Tensors(1)));
        // reset, update, new against update, reset, new.
        table.Many("gru", c => Layers(c, "GRU", [1, 0, 2], [c.Tensor(1)], ("linear_before_reset", 1L)));
        table.Many("rnn_tanh", c => Layers(c, "RNN", [0], [c.Tensor(1)]));
        table.Many("rnn_relu", c => Layers(c, "RNN", [0], [c.Tensor(1)], ("activations", new[] { "Relu" })));
        table.Many("lstm_cell", LstmCell);
        table.One("gru_cell", GruCell);
        table.One("rnn_tanh_cell", c => c.Emit("Tanh", [c.Emit("Add", [Gates(c, c.Tensor(0), 2, 4), Gates(c, c.Tensor(1), 3, 5)])]));
        table.One("rnn_relu_cell", c => c.Emit("Relu", [c.Emit("Add", [Gates(c, c.Tensor(0), 2, 4), Gates(c, c.Tensor(1), 3, 5)])]));
    }

    // Arguments: input, states, weights, biases?, layers, dropout, training, both directions?, batch first?.
    private static string[] Layers(OnnxOperation c, string type, int[] gates, IReadOnlyList<string> states,
        params (string Name, object Value)[] extra)
    {
        if (c.Rank(0) != 3) throw c.Refuse("its input has not three dimensions; give it a batch");
        var (biases, layers, both, batchFirst) = (c.Flag(3), c.Int(4), c.Flag(7), c.Flag(8));
        var weights = c.Tensors(2);
        var (directions, stride) = (both ? 2 : 1, biases ? 4 : 2);
        if (weights.Count != layers * directions * stride) throw c.Refuse("it projects its states (proj_size), which ONNX's LSTM does not");
        var hidden = c.ListShapes(2)[1][1].Value;
        var sequence = batchFirst ? c.Emit("Transpose", [c.Tensor(0)], ("perm", new[] { 1L, 0, 2 })) : c.Tensor(0);
        var last = Enumerable.Range(0, states.Count).Select(_ => new List<string>()).ToList();
        for (var layer = 0; layer < layers; layer++)
        {
            string Of(int part) =>
                Stack(c,
                    [.. Enumerable.Range(0, directions)
                        .Select(d => Reordered(c, weights[(((layer * directions) + d) * stride) + part], gates, hidden))]);
            var bias = biases ? c.Emit("Concat", [Of(2), Of(3)], ("axis", 1L)) : "";
            var first = states.Select(
                s => c.Emit("Slice", [s, c.Int64(layer * directions), c.Int64((layer + 1) * directions), c.Int64(0)]));
            List<(string, object)> attributes = [("hidden_size", hidden), ("direction", both ? "bidirectional" : "forward")];
            foreach (var (name, value) in extra)
                attributes.Add((name, value is string[] one ? Enumerable.Repeat(one[0], directions).ToArray() : value));
            var results = c.Emit(type, [sequence, Of(0), Of(1), bias, "", .. first], 1 + states.Count, [.. attributes]);
            // [steps, directions, batch, hidden] to [steps, batch, directions * hidden].
            sequence = c.Emit("Reshape",
                [c.Emit("Transpose", [results[0]], ("perm", new[] { 0L, 2, 1, 3 })), c.Int64(0, 0, directions * hidden)]);
            for (var i = 0; i < states.Count; i++) last[i].Add(results[1 + i]);
        }
        if (batchFirst) sequence = c.Emit("Transpose", [sequence], ("perm", new[] { 1L, 0, 2 }));
        return [sequence, .. last.Select(l => l.Count == 1 ? l[0] : c.Emit("Concat", l, ("axis", 0L)))];
    }

    private static string Reordered(OnnxOperation c, string weight, int[] order, long hidden)
    {
        if (order.Length == 1) return weight;
        var parts = c.Emit("Split", [weight, c.Int64([.. order.Select(_ => hidden)])], order.Length, ("axis", 0L));
        return c.Emit("Concat", [.. order.Select(i => parts[i])], ("axis", 0L));
    }

    private static string Stack(OnnxOperation c, string[] parts) =>
        c.Emit("Concat", [.. parts.Select(p => c.Emit("Unsqueeze", [p, c.Int64(0)]))], ("axis", 0L));

    // x weight^T + bias
    private static string Gates(OnnxOperation c, string x, int weight, int bias)
        => c.Emit("Gemm", c.Has(bias) ? [x, c.Tensor(weight), c.Tensor(bias)] : [x, c.Tensor(weight)], ("transB", 1L));

    private static string[] LstmCell(OnnxOperation c)
    {
        var states = c.Tensors(1);
        var hidden = c.Size(3, 1);
        var gates = c.Emit("Split",
            [c.Emit("Add", [Gates(c, c.Tensor(0), 2, 4), Gates(c, states[0], 3, 5)]), c.Int64(hidden, hidden, hidden, hidden)], 4,
            ("axis", 1L));
        string Gate(int i) => c.Emit("Sigmoid", [gates[i]]);
        var cell = c.Emit("Add", [c.Emit("Mul", [Gate(1), states[1]]), c.Emit("Mul", [Gate(0), c.Emit("Tanh", [gates[2]])])]);
        return [c.Emit("Mul", [Gate(3), c.Emit("Tanh", [cell])]), cell];
    }

    private static string GruCell(OnnxOperation c)
    {
        var hidden = c.Size(3, 1);
        string[] Split(string x) => c.Emit("Split", [x, c.Int64(hidden, hidden, hidden)], 3, ("axis", 1L));
        var (input, state) = (Split(Gates(c, c.Tensor(0), 2, 4)), Split(Gates(c, c.Tensor(1), 3, 5)));
        string Gate(int i) => c.Emit("Sigmoid", [c.Emit("Add", [input[i], state[i]])]);
        var update = Gate(1);
        var fresh = c.Emit("Tanh", [c.Emit("Add", [input[2], c.Emit("Mul", [Gate(0), state[2]])])]);
        return c.Emit("Add", [fresh, c.Emit("Mul", [update, c.Emit("Sub", [c.Tensor(1), fresh])])]);
    }
}
