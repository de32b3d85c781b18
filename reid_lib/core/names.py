"""Names of columns, roles, labels and files, each defined once."""

# The answer for a query that resembles no known individual closely enough (AnimalCLEF's spelling).
NEW_INDIVIDUAL = "new_individual"

# Columns of a catalogue: one row per image.
IMAGE_ID = "image_id"  # unique string
PATH = "path"  # relative to the catalogue's root, with forward slashes
IDENTITY = "identity"  # name of the animal within its data set; missing where unlabelled
DATASET = "dataset"  # "01" of two data sets are two animals
SPECIES = "species"
ENCOUNTER = "encounter"  # one sighting: photographs that share place, light and minute
DATE = "date"
UTC_OFFSET = "utc_offset"  # of that date's clock, "+02:00"; changes no result
ORIENTATION = "orientation"  # "left", "right", ...
BBOX = "bbox"  # "x,y,width,height" in pixels of the upright image
SPLIT = "split"  # the data set's own: "train" or "test"
CONTENT = "content"  # what a photograph is known by wherever it lies
DRAW_KEY = "draw_key"  # of an encounter that follows from times: what its role is drawn by, since its name may change

REQUIRED_COLUMNS = (IMAGE_ID, PATH, IDENTITY)
OPTIONAL_COLUMNS = (DATASET, SPECIES, ENCOUNTER, DATE, UTC_OFFSET, ORIENTATION, BBOX, SPLIT, DRAW_KEY)

# Added by the catalogue: the key of an animal across data sets, "<dataset>/<identity>".
INDIVIDUAL = "individual"

# Added by the split.
ROLE = "role"
KNOWN = "known"  # does the individual of this image have gallery images?
GALLERY = "gallery"
VAL = "val"
TEST = "test"
UNUSED = "unused"  # neither: unlabelled training images, and whatever a run must not be asked
ROLES = (GALLERY, VAL, TEST)

# Columns of predictions.csv; identity_1 ... identity_5, score_1 ... and image_1 ... follow the ranks.
PREDICTED = "predicted"
SCORE = "score"  # similarity of the best individual, in the unit of metrics.json
TRUE_SCORE = "true_score"  # similarity of the query's own individual; NaN for an unknown
RANK = "rank"  # 1-based rank of the query's own individual among individuals; NaN for an unknown
AVERAGE_PRECISION = "average_precision"  # over gallery images; NaN for an unknown
N_RANKS = 5
PHOTOGRAPHS = "photographs"  # of one query, where an encounter is one
UNIT = "unit"  # of the scores, in metrics.json; runs that do not say it are of
COSINE = "cosine"
EMBEDDING = "embedding"  # the score of embeddings, among other scores of one pair

# Columns of the predictions that say which flanks met; only there where the gallery has orientations.
SAME_ORIENTATION = "same_orientation"  # has the query's own individual a gallery image of the query's orientation?


def ranked_column(what: str, rank: int) -> str:
    """Column name of a ranked answer: `ranked_column("identity", 1) == "identity_1"`."""
    return f"{what}_{rank}"


MATCH_ORIENTATION = ranked_column(ORIENTATION, 1)  # orientation of image_1


# Notebooks, and their executed copies in run folders.
TRAIN_NOTEBOOK, EVALUATE_NOTEBOOK = "train.ipynb", "evaluate.ipynb"

# Of params.json.
CHOSEN = "chosen"  # names of parameters that were left to the photographs; params has the numbers

# Files of a folder of answers to new photographs.
ANSWERS_CSV = "answers.csv"  # one row for each photograph that was asked about, usable or not
ANSWERS_HTML = "answers.html"  # the same in pictures; it needs nothing else
SUMMARY_TXT = "summary.txt"
ASKED_JSON = "asked.json"  # what was asked of which gallery; written last

# Of clusters.csv.
CLUSTER = "cluster"
KNOWN_AS = "known "  # begins the cluster of a known animal

# Columns of answers.csv, beside those of a catalogue; identity_1 ... identity_5 follow the ranks, as image, date and
# probability do.
DECISION = "decision"  # name of the animal, or NEW_INDIVIDUAL; missing where the photograph could not be used
PROBABILITY = "probability"  # of the decision
WORDS = "in_words"
DOUBTFUL = "doubtful"
NEW_ANIMAL = "new_animal"  # of new animals, label of those that are one
ACCEPTED = "accepted"  # what a person says of the answer
ALREADY = "already_enrolled"
ASKED_TWICE = "asked_twice"  # which photograph before it, of those that were asked about, is the same one
PROBLEM = "problem"  # why the photograph could not be used

# Columns of the rows of a gallery, beside those of a catalogue.
ROOT = "root"  # folder that `path` is relative to
GROUP = "group"  # of new animals: which photographs were said to show one

# Files of a run folder.
PARAMS_JSON = "params.json"
STATUS_JSON = "status.json"
HISTORY_CSV = "history.csv"
IMAGES_CSV = "images.csv"  # the catalogue with the role of every image: what compare joins on
LEFT_OUT_CSV = "left_out.csv"  # images that could not be used (skip_unreadable)
TRAINED_CSV = "trained.csv"  # the images trained on: name, individual, what the photograph is known by
CHECKPOINT = "last.ckpt"
MODEL_WEIGHTS = "model.safetensors"
MODEL_JSON = "model.json"
EMBEDDINGS = "embeddings"
PREDICTIONS_CSV = "predictions.csv"
THRESHOLD_CSV = "threshold_curve.csv"
METRICS_JSON = "metrics.json"
CALIBRATION_JSON = "calibration.json"  # how the scores of a fused evaluation become one probability
MATCHES_NPZ = "matches.npz"  # of a run with local scores: where queries match their best candidates, to be drawn
SCORES = "scores"  # of a fused evaluation: every score of every shortlisted pair
PROJECTION_CSV = "projection.csv"
SUBMISSION_CSV = "submission.csv"
CLUSTERS_CSV = "clusters.csv"  # test photographs by animal, named or new
FIGURES = "figures"
CHECKSUMS_JSON = "checksums.json"  # of a finished run, by seals
SUSPECTS_CSV = "suspected_label_errors.csv"  # photographs that look like one under two individuals
SAME_PHOTOS_CSV = "same_photos.csv"  # queries whose own photograph, a copy or another crop of it, is in the gallery
REMARKS_JSON = "remarks.json"  # tags and a note that people gave the run
REPORT_HTML = "report.html"  # of a finished run, by reports
REFERENCE_JSON = "reference.json"  # in runs/
TENSORBOARD, MLFLOW = "tensorboard", "mlflow"  # in runs/: copies of history and metrics, where they are asked for
COMPARISONS = "comparisons"  # in runs/: a folder of pages; it holds no run
ANSWERS = "answers"  # in runs/: a folder for each set of new photographs that was asked about; it holds no run
ALL_METRICS_CSV = "all_model_metrics.csv"  # in runs/
ALL_METRICS_PARQUET = "all_model_metrics.parquet"  # the same, where pyarrow is installed
REMOVED_LOG = "removed.log"  # in runs/: who removed which run, when and why
# Metrics (`openset.measures`) that a run's headline, the table of verdicts and the list of runs in a terminal show.
HEADLINE = ("geometric_mean", "baks", "baus", "top1", "auroc")
