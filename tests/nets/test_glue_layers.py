"""Layers of LightGlue, against kornia's with random weights; attention of many against attention one by one."""

import pytest
import torch
from local_cases import require_local

from reid_lib.nets.glue_layers import CrossBlock, SelfBlock, _attend_one_by_one, _attend_padded


@pytest.fixture(params=[(64, 4), (96, 1)], ids=str)
def layer(request):
    require_local()
    from kornia.feature import LightGlue

    torch.manual_seed(0)
    width, heads = request.param
    network = LightGlue(None, input_dim=width, descriptor_dim=width, num_heads=heads, n_layers=1).eval()
    return network.requires_grad_(False)


def keypoints(width: int, counts: list[int]):
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(sum(counts), width, generator=generator)
    place = torch.rand(sum(counts), 2, generator=generator) * 2 - 1
    ends = torch.tensor(counts).cumsum(0).tolist()
    return x, place, list(zip([0, *ends[:-1]], ends, strict=True))


def test_blocks_give_what_the_modules_give(layer):
    width, block = layer.conf.descriptor_dim, layer.transformers[0]
    x, place, spans = keypoints(width, [7, 5, 4, 9])
    angles = layer.posenc.Wr(place)
    ours = SelfBlock(block.self_attn).run(x, torch.stack([angles.cos(), angles.sin()]), spans)
    theirs = torch.cat([block.self_attn(x[None, a:b], layer.posenc(place[None, a:b]))[0] for a, b in spans])
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
    crossed = CrossBlock(block.cross_attn).run(ours, spans)
    pairs = [block.cross_attn(theirs[None, a:b], theirs[None, c:d]) for (a, b), (c, d) in (spans[:2], spans[2:])]
    expected = [half[0] for pair in pairs for half in pair]
    torch.testing.assert_close(crossed, torch.cat(expected), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("counts", [[7, 5, 4, 9], [6, 6, 6, 6], [1, 8]], ids=str)
def test_attention_of_all_at_once_is_that_of_each(counts):
    x, _, spans = keypoints(24, counts)
    query, key, value = (x.roll(k, 1).view(len(x), 2, 12) for k in range(3))
    across = [way for a, b in zip(spans[::2], spans[1::2], strict=True) for way in ((a, b), (b, a))]
    for ways in ([(span, span) for span in spans], across):
        one_by_one, padded = (f(query, key, value, ways) for f in (_attend_one_by_one, _attend_padded))
        torch.testing.assert_close(padded, one_by_one, rtol=1e-5, atol=1e-6)
        (begin, end), (first, last) = ways[1]
        weights = torch.einsum("qhw,khw->hqk", query[begin:end], key[first:last]).div(12**0.5).softmax(-1)
        by_hand = torch.einsum("hqk,khw->qhw", weights, value[first:last]).flatten(1)
        torch.testing.assert_close(one_by_one[begin:end], by_hand, rtol=1e-4, atol=1e-6)
