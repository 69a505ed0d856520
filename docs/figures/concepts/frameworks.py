"""The figures of concepts/frameworks."""

from draw import Drawing


def same_numbers(draw: Drawing, graph_losses, losses, torch_graph, torch_losses):
    runs = {"torch.compile": torch_graph, "TensorFlow": losses, "tf.function": graph_losses}
    differences = {name: [a - b for a, b in zip(run, torch_losses, strict=True)] for name, run in runs.items()}
    titles = ["损失 | loss", "差 × 10⁷，前 40 步 | difference × 10⁷, first 40 steps"]
    with draw.axes(columns=2, width=6.4, height=2.7, x="步数 | step", titles=titles) as (left, right):
        left.set_yscale("log")
        left.plot(losses, label="TensorFlow")
        left.plot(range(0, 200, 8), torch_losses[::8], "o", color="C1", markersize=4, label="PyTorch")
        for (name, each), style, colour in zip(differences.items(), ("--", "-", ":"), ("C2", "C0", "C3"), strict=True):
            right.plot([1e7 * value for value in each[:40]], style, color=colour, label=name)
    return {"worst": {name: max(map(abs, each)) for name, each in differences.items()}}
