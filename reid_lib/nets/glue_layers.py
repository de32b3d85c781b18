"""The layers of LightGlue over the keypoints of many pairs at once, with weights laid out for that.

They give the same numbers as kornia's modules but for rounding, and are quicker because:
- The keypoints of all images lie one behind the other, (t, d): everything but the attention works on them as one
matrix,
  and images with different numbers of keypoints need no filling.
- The attention is followed by two linear maps, which are multiplied into one beforehand.
- The numbers of a head are ordered so that rotary encoding (turning them by the keypoint's place) takes four products.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Spans = list[tuple[int, int]]  # begin and end of each image's keypoints; images 2 k and 2 k + 1 are a pair
Directions = list[
    tuple[tuple[int, int], tuple[int, int]]
]  # span of the keypoints that attend, span of those attended to


@dataclass(frozen=True)
class Residual:
    """The end of a block: from keypoints and their context (what they attended to) it computes what is added to the
    keypoints, by two linear maps with a layer norm and GELU between them.

    Attributes:
        inner: (2 d, 2 d), for keypoints and context side by side; contains the linear map that ends the attention.
        inner_bias, norm_weight, norm_bias: (2 d,).
        outer: (d, 2 d).
        outer_bias: (d,).
    """

    inner: Tensor
    inner_bias: Tensor
    norm_weight: Tensor
    norm_bias: Tensor
    outer: Tensor
    outer_bias: Tensor

    @classmethod
    def of(cls, ending: nn.Linear, ffn: nn.Sequential) -> "Residual":
        """From kornia's modules: the linear map that ends the attention; `ffn`: linear, layer norm, GELU, linear."""
        inner, norm, _, outer = ffn
        d = ending.out_features
        own, message = inner.weight[:, :d].double(), inner.weight[:, d:].double()
        joined = torch.cat([own, message @ ending.weight.double()], dim=1).to(inner.weight.dtype)
        bias = (inner.bias.double() + message @ ending.bias.double()).to(inner.bias.dtype)
        return cls(joined, bias, norm.weight, norm.bias, outer.weight, outer.bias)

    def add_to(self, x: Tensor, context: Tensor) -> Tensor:
        """x (t, d) and its context (t, d) -> x (t, d) after this block."""
        hidden = F.linear(torch.cat([x, context], dim=1), self.inner, self.inner_bias)
        hidden = F.gelu(F.layer_norm(hidden, self.norm_weight.shape, self.norm_weight, self.norm_bias))
        return torch.addmm(x + self.outer_bias, hidden, self.outer.T)


class SelfBlock:
    """Each keypoint attends to all of its own image.

    Args:
        block: kornia's, of this layer.
    """

    def __init__(self, block: nn.Module):
        self.heads, self.width = block.num_heads, block.head_dim
        # kornia orders rows by head, number, and which (query, key or value); here they are ordered by which, head, and
        # number. In query and key the even numbers come first, as turning works on pairs of an even and an odd one.
        weight = block.Wqkv.weight.unflatten(0, (self.heads, self.width, 3)).movedim(2, 0)
        bias = block.Wqkv.bias.unflatten(0, (self.heads, self.width, 3)).movedim(2, 0)
        order = torch.cat([torch.arange(0, self.width, 2), torch.arange(1, self.width, 2)])
        weight, bias = (torch.cat([t[:2, :, order], t[2:]]) for t in (weight, bias))
        self.weight, self.bias = weight.flatten(0, 2).contiguous(), bias.flatten().contiguous()
        self.residual = Residual.of(block.out_proj, block.ffn)

    def run(self, x: Tensor, turn: Tensor, spans: Spans) -> Tensor:
        """Keypoints (t, d) -> (t, d); `turn`: (2, t, width / 2), cosines and sines of their angles."""
        qkv = F.linear(x, self.weight, self.bias).view(len(x), 3, self.heads, self.width)
        query_key = _turned(qkv[:, :2], turn)
        context = attend(query_key[:, 0], query_key[:, 1], qkv[:, 2], [(span, span) for span in spans])
        return self.residual.add_to(x, context)


class CrossBlock:
    """Each keypoint attends to all of the other image of its pair.

    Args:
        block: kornia's, of this layer.
    """

    def __init__(self, block: nn.Module):
        self.heads = block.heads
        self.weight = torch.cat([block.to_qk.weight, block.to_v.weight])
        self.bias = torch.cat([block.to_qk.bias, block.to_v.bias])
        self.residual = Residual.of(block.to_out, block.ffn)

    def run(self, x: Tensor, spans: Spans) -> Tensor:
        """Keypoints (t, d) -> (t, d)."""
        key, value = F.linear(x, self.weight, self.bias).view(len(x), 2, self.heads, -1).unbind(1)
        across = [way for a, b in zip(spans[::2], spans[1::2], strict=True) for way in ((a, b), (b, a))]
        return self.residual.add_to(x, attend(key, key, value, across))


def attend(query: Tensor, key: Tensor, value: Tensor, ways: Directions) -> Tensor:
    """Scaled dot-product attention between spans of keypoints -> (t, heads * width).

    Args:
        query, key, value: (t, heads, width).
        ways: who attends to whom; the spans that attend cover 0 ... t in order.
    """
    return (_attend_one_by_one if query.device.type == "cpu" else _attend_padded)(query, key, value, ways)


def _attend_one_by_one(query: Tensor, key: Tensor, value: Tensor, ways: Directions) -> Tensor:
    """For a CPU, where computing several at a time gains nothing."""
    parts = []
    for (begin, end), (first, last) in ways:
        q, k, v = query[begin:end], key[first:last], value[first:last]
        parts.append(F.scaled_dot_product_attention(*(t.transpose(0, 1).unsqueeze(0) for t in (q, k, v))))
    return torch.cat([part[0].transpose(0, 1).flatten(1) for part in parts])


def _attend_padded(query: Tensor, key: Tensor, value: Tensor, ways: Directions) -> Tensor:
    """For a GPU, which needs all of them at once to be busy: shorter spans are filled up, and the filling is masked."""
    (asking, _, back), (asked, there, _) = (_filled(spans, query.device) for spans in zip(*ways, strict=True))
    q, k, v = (t[rows].transpose(1, 2) for t, rows in ((query, asking), (key, asked), (value, asked)))
    mask = None if bool(there.all()) else there[:, None, None]
    context = F.scaled_dot_product_attention(q, k, v, attn_mask=mask.to(query.device) if mask is not None else None)
    return context.transpose(1, 2).flatten(0, 1).flatten(1)[back]


def _filled(spans: Spans, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Spans as a rectangle: row numbers (s, longest), a mask of what is no filling, and where each row lies in it."""
    begins, ends = torch.tensor(spans).T
    steps = torch.arange(int((ends - begins).max()))
    there = steps < (ends - begins)[:, None]
    rows = torch.where(there, begins[:, None] + steps, begins[:, None])
    return rows.to(device), there, there.flatten().nonzero().squeeze(1).to(device)


def _turned(x: Tensor, turn: Tensor) -> Tensor:
    """(t, 2, heads, width), each pair of an even and an odd number turned by the angle of its keypoint's place."""
    even, odd = x.unflatten(-1, (2, -1)).unbind(-2)
    cos, sin = turn[:, :, None, None]
    turned = torch.empty_like(x, memory_format=torch.contiguous_format)
    half = x.shape[-1] // 2
    torch.sub(even * cos, odd * sin, out=turned[..., :half])
    torch.add(odd * cos, even * sin, out=turned[..., half:])
    return turned
