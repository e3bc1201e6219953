"""dlc and JAX from the same weights on the same batches, in f32.

For every model of examples/: the loss of each of 100 steps agrees to 1e-4
relative, and every gradient of the first step to 1e-4 of its largest entry.
"""

import os
import pathlib
import subprocess

import jax
import numpy as np
import pytest

import optimizers
import philox
import tensorfile
from models import LOSSES, MODELS, Step

SOURCE = pathlib.Path(__file__).parents[2]
BUILD = pathlib.Path(os.environ.get("DLC_BUILD", SOURCE / "build"))
STEPS = 100
# A power of two so large that w - lr * g shows g to the last bit or so.
REVEALING_RATE = 2.0**20
SEED = 20140619  # of dropout


def initial_weights(model, rng):
    def draw(shape):
        fan_in = int(np.prod(shape[:-1])) if len(shape) > 1 else 100
        return (rng.standard_normal(shape) / np.sqrt(fan_in)).astype(np.float32)

    return {name: draw(shape) for name, shape in model.parameters.items()}


def first_running(model):
    """Running means and variances before the first step."""
    return {name: np.full(shape, name.endswith("variance"), np.float32)
            for name, shape in model.running.items()}


def last_running(model, notes):
    """And after steps that saw `notes`."""
    values = first_running(model)
    for seen in notes:
        values = {name: 0.9 * old + 0.1 * seen[name] for name, old in values.items()}
    return values


def masks(model, step, batch):
    """What the dropouts of a step keep."""
    return [philox.dropout_mask(SEED, stream, step, p, (batch, *shape))
            for stream, (p, shape) in enumerate(model.dropouts)]


def images(rng, count, height, width, channels):
    """Blobs on black: like digits, unlike noise, on which an autoencoder's steps are chaotic.
    Photographs have some noise as well, as even surfaces are ties to a pooling."""
    if channels > 1:
        planes = images(rng, count * channels, height, width, 1)
        blobs = np.moveaxis(planes.reshape(count, channels, height, width), 1, 3)
        return (blobs + 0.2 * rng.random(blobs.shape)).astype(np.float32)
    at = np.arange(max(height, width), dtype=np.float32)
    centre, spread = rng.uniform(6, height - 6, (count, 3, 2)), rng.uniform(1.5, 4, (count, 3, 2))
    bumps = np.exp(-(((at - centre[..., None]) / spread[..., None]) ** 2))
    pixels = np.einsum("nby,nbx->nyx", bumps[:, :, 0, :height], bumps[:, :, 1, :width])
    return np.where(pixels > 0.05, np.minimum(pixels, 1), 0)[..., None].astype(np.float32)


def examples(model, rng, count):
    """Inputs, and targets that depend on them."""
    if len(model.inputs) == 3:
        x = images(rng, count, *model.inputs)
    else:
        x = rng.random((count, *model.inputs), np.float32)
    flat = x.reshape(count, -1)
    scores = flat @ rng.standard_normal((flat.shape[1], model.classes)).astype(np.float32)
    if model.target == "labels":
        return x, np.argmax(scores, 1).astype(np.int32)
    if model.target == "input":
        return x, x
    bits = (scores > np.median(scores, 0)).astype(np.float32)
    return x, bits if model.target == "bits" else 2 * bits - 1


def run_dlc(folder, name, model, weights, rows, batch, optimizer):
    tensorfile.save(folder / "initial.safetensors", weights | first_running(model))
    np.savez(folder / "rows.npz", **{str(i): array for i, array in enumerate(rows)})
    losses, final = folder / "losses.npy", folder / "final.safetensors"
    command = [BUILD / "bin" / "dl-steps", SOURCE / "examples" / f"{name}.mlir",
               f"--loss={model.loss}", f"--optimizer={optimizer}", f"--batch={batch}",
               f"--weights={folder / 'initial.safetensors'}", f"--data={folder / 'rows.npz'}",
               f"--losses={losses}", f"--save={final}"]
    if model.dropouts:
        command.append(f"--dropout-seed={SEED}")
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return np.load(losses), tensorfile.load(final)


def loss_of(model):
    """The loss, and what normalisations saw."""

    def loss(w, x, target, kept):
        step = Step(kept)
        return LOSSES[model.loss](model.forward(w, x, step), target), step.seen

    return loss


@pytest.mark.parametrize("name", MODELS)
def test_losses_of_100_steps(name, tmp_path):
    # A seed on which JAX's own steps in f32 and in f64 agree: where a pooling's choice turns on
    # rounding, two runs part by more than 1e-4 whoever computes them.
    model, rng = MODELS[name], np.random.default_rng(2)
    weights = initial_weights(model, rng)
    rows = examples(model, rng, STEPS * model.batch)
    ours, final = run_dlc(tmp_path, name, model, weights, rows, model.batch, model.optimizer)

    batches = [[*(r[i * model.batch:(i + 1) * model.batch] for r in rows),
                masks(model, i, model.batch)] for i in range(STEPS)]
    theirs, notes, _ = optimizers.train(loss_of(model), weights, batches, model.optimizer)
    np.testing.assert_allclose(ours, theirs, rtol=1e-4)
    running = last_running(model, notes)
    assert final.keys() == (weights | running).keys()
    for variable, value in running.items():
        np.testing.assert_allclose(final[variable], value, rtol=1e-3, atol=1e-4, err_msg=variable)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("batch", [1, 33])
def test_gradients_of_the_first_step(name, batch, tmp_path):
    model, rng = MODELS[name], np.random.default_rng(2)
    weights = initial_weights(model, rng)
    rows = examples(model, rng, batch)
    _, final = run_dlc(tmp_path, name, model, weights, rows, batch, f"sgd,lr={REVEALING_RATE}")

    gradients, _ = jax.grad(loss_of(model), has_aux=True)(weights, *rows, masks(model, 0, batch))
    for parameter, theirs in gradients.items():
        ours = (weights[parameter].astype(np.float64) - final[parameter]) / REVEALING_RATE
        largest = np.abs(theirs).max()
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-4 * largest, err_msg=parameter)
