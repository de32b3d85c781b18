"""A network as an ONNX file, run by onnxruntime."""

import pytest
import torch
from model_cases import images, small
from torch import nn
from torch.nn import functional

from reid_lib.core.errors import ModelError
from reid_lib.nets import onnx_form
from reid_lib.nets.timm_form import Embedder, convert_to_timm


class Tiny(nn.Module):
    """Channels, averaged and scaled to length 1."""

    def forward(self, x):
        return functional.normalize(x.mean(dim=(2, 3)))


def test_the_file_gives_the_embeddings_of_any_number_of_images(tmp_path):
    model = small()
    model.start_head(model.project([images(12)]))
    form = convert_to_timm(model.eval())
    onnx_form.write_onnx(Embedder(form.network).eval(), tmp_path / "m.onnx", image_size=32)
    for n in (1, 5):
        batch = model.normalise(images(n)).contiguous()
        with torch.inference_mode():
            expected = model(batch)
        found = torch.from_numpy(onnx_form.run_onnx(tmp_path / "m.onnx", batch.numpy()))
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


def test_what_tracing_refuses_the_other_exporter_writes(tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_form, "_write_by_tracing", refuse("no such operation"))
    onnx_form.write_onnx(Tiny().eval(), tmp_path / "m.onnx", image_size=8)
    batch = torch.rand(3, 3, 8, 8)
    found = torch.from_numpy(onnx_form.run_onnx(tmp_path / "m.onnx", batch.numpy()))
    torch.testing.assert_close(found, Tiny()(batch))


def test_what_both_exporters_refuse_is_an_error_with_both_reasons(tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_form, "_write_by_tracing", refuse("no such operation"))
    monkeypatch.setattr(onnx_form, "_write_by_export", refuse("no such shape"))
    with pytest.raises(ModelError, match="no such operation; no such shape.*--no-onnx"):
        onnx_form.write_onnx(Tiny(), tmp_path / "m.onnx", image_size=8)


def test_missing_packages_and_weights_that_one_file_does_not_hold_are_told(tmp_path, monkeypatch):
    monkeypatch.setattr(onnx_form, "MOST_BYTES", 10)
    with pytest.raises(ModelError, match="an ONNX file holds 2: pass --no-onnx"):
        onnx_form.write_onnx(nn.Linear(3, 3), tmp_path / "m.onnx", image_size=8)
    monkeypatch.setattr(onnx_form, "NEEDED", ("onnx", "no_such_package"))
    with pytest.raises(ModelError, match="needs no_such_package: pip install"):
        onnx_form.write_onnx(Tiny(), tmp_path / "m.onnx", image_size=8)
    assert not list(tmp_path.iterdir())


def refuse(words):
    def write(*_):
        raise RuntimeError(words)

    return write
