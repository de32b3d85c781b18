"""Networks: timm backbones with an embedding head, on the device and in the precision asked for.

What makes them quicker changes their results by rounding at most.
"""

from reid_lib.core.faces import face

__all__, __getattr__, __dir__ = face(
    __name__,
    {
        "network": "ReidModel build_model",
        "model_files": "load_model save_model",
        "backbones": "build_backbone find_architecture",
        "device": "choose_device choose_precision embedding_precision",
        "folding": "fold_network",
        "foreground": "U2NetP",
        "lightglue": "LightGlue",
        "local_features": "LocalFeatures",
    },
)
