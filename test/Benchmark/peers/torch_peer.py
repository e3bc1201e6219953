"""PyTorch, eager; networks with batch normalisation channels last, which is their fastest order."""


def start(threads):
    import torch

    torch.set_num_threads(threads)


def network(layers):
    from torch import nn

    class Mean(nn.Module):
        def forward(self, x):
            return x.mean((2, 3))

    class Residual(nn.Module):
        def __init__(self, layers, around):
            super().__init__()
            self.layers, self.around = network(layers), network(around)

        def forward(self, x):
            return self.layers(x) + self.around(x)

    def conv_norm(window, inputs, outputs, stride):
        return nn.Sequential(
            nn.Conv2d(inputs, outputs, window, stride, window // 2, bias=False),
            nn.BatchNorm2d(outputs))

    make = {"dense": nn.Linear, "conv": lambda window, *extents: nn.Conv2d(*extents, window),
            "conv_norm": conv_norm, "pool": nn.MaxPool2d, "dropout": nn.Dropout,
            "residual": Residual, "mean": Mean, "flatten": nn.Flatten, "relu": nn.ReLU,
            "sigmoid": nn.Sigmoid}
    return nn.Sequential(*(make[kind](*settings) for kind, *settings in layers))


def make_step(row):
    import torch
    from rows import settings

    torch.manual_seed(0)
    shape = (row.inputs[-1], *row.inputs[:-1]) if len(row.inputs) == 3 else row.inputs
    x = torch.rand(row.batch, *shape)
    target = x if row.loss == "mse" else torch.randint(0, row.classes, (row.batch,))
    model = network(row.layers)
    if any(kind == "conv_norm" for kind, *_ in row.layers):
        model, x = (each.to(memory_format=torch.channels_last) for each in (model, x))
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
