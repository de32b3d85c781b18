"""Where two photographs of a review match, one pair at a time: by the run's first local feature, else by RootSIFT."""

import threading
from functools import cached_property

from reid_lib.core.names import IMAGE_ID
from reid_lib.figures.match_lines import MatchedPair
from reid_lib.match.keypoint_store import extract_keypoints
from reid_lib.pipeline.experiment import Experiment
from reid_lib.pipeline.explain import match_spots
from reid_lib.pipeline.local_scores import SIFT, make_extractor, make_matcher
from reid_lib.pipeline.masking import NONE, make_masker


class PairMatcher:
    """Matches pairs of photographs as the run scored them; its networks are loaded with the first pair.

    Args:
        experiment: of a finished run, its mask settled (`review_pairs.reopen`).
    """

    def __init__(self, experiment: Experiment):
        features = getattr(experiment.params, "features", ())
        self.experiment, self.features = experiment, features[0] if features else SIFT
        self.mask = experiment.params.mask if features else NONE
        self._rows = experiment.split.rows.set_index(IMAGE_ID, drop=False)
        self._one_at_a_time = threading.Lock()

    @cached_property
    def _tools(self) -> tuple:
        device = self.experiment.local_device
        return make_extractor(self.features, device), make_matcher(self.features, device), make_masker(self.mask)

    def match(self, first: str, second: str) -> MatchedPair:
        """Where two photographs (image ids) match. Keypoints come from the cache, or are found now.

        Raises:
            UnreadablePhoto: a file is not there any more, or cannot be decoded.
        """
        with self._one_at_a_time:
            extractor, matcher, masker = self._tools
            rows = self._rows.loc[[first, second]]
            root = self.experiment.catalogue.root
            keypoints = extract_keypoints(extractor, rows, root, mask=masker, progress=False)
            return match_spots(matcher, keypoints, [(first, second)])[0]
