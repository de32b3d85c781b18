"""How alike is each pair: a similarity, and the engine that ranks individuals by it, exactly and in bounded memory.

A ranking is the same to the last bit whatever the blocks, the order of rows and the device.
"""

from reid_lib.core.faces import face

__all__, __getattr__, __dir__ = face(
    __name__,
    {
        "similarity": "Similarity",
        "cosine": "Cosine",
        "ranking": "Part Ranking rank_images rank_groups",
        "keypoints": "Keypoints KeypointSet",
        "sift": "RootSift",
        "keypoint_store": "extract_keypoints",
        "networks": "GlueMatcher NetworkFeatures",
        "ratio": "RatioMatcher",
        "pair_scores": "score_pairs",
        "same_photo": "find_same_photos",
        "lnbnn": "Votes count_votes",
        "pairs": "PairTable shortlist join_pairs look_up",
        "fuse": "Fusion FittedFusion fit_fusion",
        "fused": "Fused",
        "reliability": "bin_reliability expected_calibration_error brier_score summarise_reliability",
    },
)
