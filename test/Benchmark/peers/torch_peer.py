"""PyTorch, eager."""


def start(threads):
    import torch

    torch.set_num_threads(threads)


def network(layers):
    from torch import nn

    made = []
    for kind, *extents in layers:
        if kind == "dense":
            made.append(nn.Linear(*extents))
        elif kind == "conv":
            made.append(nn.Conv2d(extents[1], extents[2], extents[0]))
        else:
            made.append({"relu": nn.ReLU, "sigmoid": nn.Sigmoid, "flatten": nn.Flatten,
                         "pool": lambda: nn.MaxPool2d(2)}[kind]())
    return nn.Sequential(*made)


def make_step(row):
    import torch
    from rows import settings

    torch.manual_seed(0)
    shape = (row.inputs[-1], *row.inputs[:-1]) if len(row.inputs) == 3 else row.inputs
    x = torch.rand(row.batch, *shape)
    target = x if row.loss == "mse" else torch.randint(0, 10, (row.batch,))
    model = network(row.layers)
    name, s = settings(row.optimizer)
    make = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[name]
    optimizer = make(model.parameters(), **s)
    loss = {"mse": torch.nn.functional.mse_loss,
            "cross_entropy": torch.nn.functional.cross_entropy}[row.loss]

    def step():
        optimizer.zero_grad()
        value = loss(model(x), target)
        value.backward()
        optimizer.step()

    return step
