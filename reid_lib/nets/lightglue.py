"""LightGlue and LighterGlue: which keypoints of two photographs show the same spot, many pairs at a time.

Lindenberger et al., "LightGlue: Local Feature Matching at Light Speed", 2023; Potje et al., "XFeat", 2024. The networks
are kornia's, their weights lie in installed packages (`packaged`), and `glue_layers` computes their layers. A pair has
the same matches as by kornia on this pair alone, but for rounding: how many layers it takes, and which keypoints are
dropped on the way, is decided for each pair by itself.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from reid_lib.core.errors import ParameterError
from reid_lib.nets.glue_layers import CrossBlock, SelfBlock, Spans
from reid_lib.nets.local_features import ALIKED, DISK, XFEAT
from reid_lib.nets.packaged import WEIGHTS, import_local, load_weights
from reid_lib.nets.side_by_side import side_by_side

_LARGE = {"input_dim": 128, "descriptor_dim": 256, "n_layers": 9, "num_heads": 4}
_SMALL = {"input_dim": 64, "descriptor_dim": 96, "n_layers": 6, "num_heads": 1}
# Features -> weights, sizes, and the depth_confidence and width_confidence that their authors set.
NETWORKS = {
    ALIKED: ("aliked-lightglue", _LARGE, (0.95, 0.99)),
    DISK: ("disk-lightglue", _LARGE, (0.95, 0.99)),
    XFEAT: ("xfeat-lighterglue", _SMALL, (-1, 0.95)),
}


# Keypoints that are computed together: on a CPU as many as fit into its cache (measured, docs/log.md).
SPOTS_AT_ONCE = {"cpu": 1_024, "cuda": 65_536, "mps": 8_192}


class Spots(NamedTuple):
    """The keypoints of one photograph, as the network takes them.

    Attributes:
        xy: (n, 2) float, px.
        descriptors: (n, d) float of length 1.
        size: width and height of the photograph in px.
    """

    xy: np.ndarray
    descriptors: np.ndarray
    size: tuple[int, int]


class Matched(NamedTuple):
    """Which keypoints of a pair belong together: (m,) int64, (m,) int64, and (m,) float32 between 0 and 1."""

    first: np.ndarray
    second: np.ndarray
    confidence: np.ndarray


@dataclass
class _Pair:
    """A pair on its way through the layers.

    Attributes:
        number: its position among the pairs.
        whole: number of its keypoints at the beginning, of both photographs.
        kept: for each photograph, (n,) int64 which of its keypoints have not been dropped.
    """

    number: int
    whole: int
    kept: tuple[Tensor, Tensor]


class LightGlue:
    """A matcher of keypoints, ready on a device.

    Args:
        features: "aliked", "disk" or "xfeat": whose keypoints are matched.
        device: "cpu" or "cuda".
        depth_confidence: a pair skips the remaining layers when more than this share of its keypoints is confident of
            its match; -1: never; None: what the authors of the weights set.
        width_confidence: keypoints whose predicted probability to match at all is at most 1 minus this are dropped on
            the way; -1: none is; None: what the authors of the weights set.
        threshold: the confidence above which a pair of keypoints counts as a match.

    Raises:
        ParameterError: unknown features.
        ModelError: kornia or the weights are missing.
    """

    def __init__(
        self,
        features: str,
        *,
        device: str = "cpu",
        depth_confidence: float | None = None,
        width_confidence: float | None = None,
        threshold: float = 0.1,
    ):
        if features not in NETWORKS:
            raise ParameterError(f"features {features!r} have no LightGlue: expected one of {', '.join(NETWORKS)}")
        name, sizes, (depth, width) = NETWORKS[features]
        network = build_glue(features).to(device)
        self.device, self.threshold = device, threshold
        self.spots_at_once = SPOTS_AT_ONCE[torch.device(device).type]
        self.depth = depth if depth_confidence is None else depth_confidence
        self.width = width if width_confidence is None else width_confidence
        self.features, self.input_dim = features, sizes["input_dim"]
        self.key = f"{name} {WEIGHTS[name].sha256[:16]} {self.depth:g} {self.width:g} {threshold:g}"
        with torch.no_grad():
            self._enter, self._place = network.input_proj, network.posenc.Wr
            self._self = [SelfBlock(layer.self_attn) for layer in network.transformers]
            self._cross = [CrossBlock(layer.cross_attn) for layer in network.transformers]
            self._sure = [token.token[0] for token in network.token_confidence]
            self._assign = list(network.log_assignment)
        self._thresholds = network.confidence_thresholds.tolist()

    def match(self, pairs: list[tuple[Spots, Spots]]) -> list[Matched]:
        """The matches of each pair.

        Args:
            pairs: of photographs. Where several share one `Spots` object, its first layer is computed once.
        """
        found = [Matched(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32)) for _ in pairs]
        numbers = [number for number, pair in enumerate(pairs) if min(len(spots.xy) for spots in pair)]
        groups = _grouped(numbers, [sum(len(spots.xy) for spots in pair) for pair in pairs], self.spots_at_once)
        spots = {id(spots): spots for number in numbers for spots in pairs[number]}
        with side_by_side(self.device, len(groups)) as map_all:
            begun = dict(zip(spots, map_all(self._begin, list(spots.values())), strict=True))
            map_all(lambda group: self._match_together(group, pairs, begun, found), groups)
        return found

    @torch.inference_mode()
    def _match_together(
        self,
        numbers: list[int],
        pairs: list[tuple[Spots, Spots]],
        begun: dict[int, tuple[Tensor, Tensor]],
        found: list[Matched],
    ) -> None:
        """Match some of the pairs, by number, from what `_begin` has computed of their photographs; fills `found`."""
        under_way, tokens, turns = [], [], []
        for number in numbers:
            states = [begun[id(spots)] for spots in pairs[number]]
            tokens += [x for x, _ in states]
            turns += [turn for _, turn in states]
            kept = tuple(torch.arange(len(x), device=self.device) for x, _ in states)
            under_way.append(_Pair(number, sum(map(len, kept)), kept))
        self._run(under_way, torch.cat(tokens), torch.cat(turns, dim=1), found)

    @torch.inference_mode()
    def _begin(self, spots: Spots) -> tuple[Tensor, Tensor]:
        """What is the same for a photograph in every pair: its keypoints after the first self-attention, and `turn`."""
        size = torch.tensor(spots.size, dtype=torch.float32)
        places = (torch.from_numpy(np.asarray(spots.xy, np.float32)) - size / 2) / (size.max() / 2)
        angles = self._place(places.to(self.device))
        turn = torch.stack([angles.cos(), angles.sin()])
        x = self._enter(torch.from_numpy(np.asarray(spots.descriptors, np.float32)).to(self.device))
        return self._self[0].run(x, turn, [(0, len(x))]), turn

    def _run(self, pairs: list[_Pair], x: Tensor, turn: Tensor, found: list[Matched]) -> None:
        for layer, cross in enumerate(self._cross):
            spans = _spans(pairs)
            if layer:
                x = self._self[layer].run(x, turn, spans)
            x = cross.run(x, spans)
            if layer == len(self._cross) - 1:
                return self._finish(pairs, x, spans, layer, found)
            pairs, x, turn = self._thin_out(pairs, x, turn, layer, found)
            if not pairs:
                return None
        return None

    def _thin_out(
        self, pairs: list[_Pair], x: Tensor, turn: Tensor, layer: int, found: list[Matched]
    ) -> tuple[list[_Pair], Tensor, Tensor]:
        """Finish the pairs that are confident, and drop keypoints of the others that most likely match nothing."""
        spans, limit = _spans(pairs), self._thresholds[layer]
        sure = self._sure[layer](x).squeeze(-1).sigmoid()
        stay = torch.ones(len(x), dtype=torch.bool, device=x.device)
        if self.width > 0:
            stay = self._assign[layer].get_matchability(x) > 1 - self.width
            if self.depth > 0:  # keypoints that are not confident yet stay, as in kornia
                stay |= sure <= limit
        doubts, left = _sums(torch.stack([sure < limit, stay]), spans).reshape(
            2, len(pairs), 2
        )  # here a GPU is waited for
        whole = np.array([pair.whole for pair in pairs], dtype=np.float32)
        ready = (self.depth > 0) & (1 - doubts.sum(axis=1).astype(np.float32) / whole > np.float32(self.depth))
        going = ~ready & (left.min(axis=1) > 0)  # where one photograph has none left, nothing matches
        if ready.any():
            done = [pair for pair, is_ready in zip(pairs, ready, strict=True) if is_ready]
            self._finish(done, x[_rows(ready, spans, x.device)], _spans(done), layer, found)
        if going.all() and left.sum() == len(x):
            return pairs, x, turn
        for pair, (a, b), (c, d) in zip(pairs, spans[::2], spans[1::2], strict=True):
            pair.kept = pair.kept[0][stay[a:b]], pair.kept[1][stay[c:d]]
        rows = _rows(going, spans, x.device)
        rows = rows[stay[rows]]
        return [pair for pair, goes in zip(pairs, going, strict=True) if goes], x[rows], turn[:, rows]

    def _finish(self, pairs: list[_Pair], x: Tensor, spans: Spans, layer: int, found: list[Matched]) -> None:
        """Mutual best matches by the assignment after a layer, above the threshold."""
        assign = self._assign[layer]
        scaled = assign.final_proj(x) / assign.dim**0.25
        certain = F.logsigmoid(assign.matchability(x)).squeeze(-1)
        for pair, (a, b), (c, d) in zip(pairs, spans[::2], spans[1::2], strict=True):
            first, second, confidence = _assigned(scaled[a:b], scaled[c:d], certain[a:b], certain[c:d])
            good = confidence > self.threshold
            chosen = (pair.kept[0][first[good]], pair.kept[1][second[good]], confidence[good])
            found[pair.number] = Matched(*(t.cpu().numpy() for t in chosen))


def _assigned(ours: Tensor, theirs: Tensor, certain: Tensor, also: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mutual best pairs of the double softmax: positions (m,), positions (m,), probability (m,)."""
    alike = ours @ theirs.T
    scores = 2 * alike - alike.logsumexp(1, keepdim=True) - alike.logsumexp(0) + certain[:, None] + also
    best, second = scores.max(1)
    back = scores.argmax(0)
    first = torch.arange(len(ours), device=ours.device)
    mutual = back[second] == first
    return first[mutual], second[mutual], best[mutual].exp()


def _grouped(numbers: list[int], sizes: list[int], most: int) -> list[list[int]]:
    """The numbers in order, in groups whose sizes add up to at most `most`; one that alone exceeds it is a group."""
    groups, total = [], 0
    for number in numbers:
        if not groups or total + sizes[number] > most:
            groups.append([])
            total = 0
        groups[-1].append(number)
        total += sizes[number]
    return groups


def _spans(pairs: list[_Pair]) -> Spans:
    ends = np.cumsum([len(kept) for pair in pairs for kept in pair.kept]).tolist()
    return list(zip([0, *ends[:-1]], ends, strict=True))


def _rows(chosen: np.ndarray, spans: Spans, device: torch.device) -> Tensor:
    """(r,) int64: the rows of the keypoints of the chosen pairs (p,) bool."""
    ends = [(begin, end) for (begin, _), (_, end) in zip(spans[::2], spans[1::2], strict=True)]
    parts = [torch.arange(*ends[k]) for k in np.flatnonzero(chosen)]
    return torch.cat(parts).to(device) if parts else torch.empty(0, dtype=torch.int64, device=device)


def _sums(flags: Tensor, spans: Spans) -> np.ndarray:
    """(k, t) bool -> (k, number of spans) int64: how many are true in each."""
    running = flags.cumsum(1, dtype=torch.int64).cpu().numpy()
    running = np.pad(running, ((0, 0), (1, 0)))
    begins, ends = np.array(spans).T
    return running[:, ends] - running[:, begins]


def build_glue(features: str) -> torch.nn.Module:
    """kornia's network with the packaged weights, in eval mode.

    Args:
        features: one of `NETWORKS`.

    Raises:
        ModelError: kornia or the weights are missing, or the weights are other ones.
    """
    kornia = import_local("kornia.feature")
    name, sizes, _ = NETWORKS[features]
    # kornia sets torch's switch for flash attention, which is one for the whole process: put it back.
    flash = torch.backends.cuda.flash_sdp_enabled()
    network = kornia.LightGlue(None, flash=True, **sizes)
    torch.backends.cuda.enable_flash_sdp(flash)
    network.load_state_dict(_renamed(load_weights(name), network), strict=True)
    return network.eval().requires_grad_(False)


def _renamed(weights: dict[str, Tensor], network: torch.nn.Module) -> dict[str, Tensor]:
    """The weights under the names that kornia has today, without those of the extractor in the same file."""
    names = {}
    for name, tensor in weights.items():
        new = name.removeprefix("matcher.")
        for kind in ("self_attn", "cross_attn"):
            if new.startswith(f"{kind}."):
                number, rest = new.removeprefix(f"{kind}.").split(".", 1)
                new = f"transformers.{number}.{kind}.{rest}"
        names[new] = tensor
    derived = {"confidence_thresholds": network.confidence_thresholds}
    wanted = network.state_dict()
    return derived | {name: tensor for name, tensor in names.items() if name in wanted}
