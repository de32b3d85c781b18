"""Names of columns, roles, labels and files, each defined once."""

# The answer for a query that resembles no known individual closely enough (AnimalCLEF's spelling).
NEW_INDIVIDUAL = "new_individual"

# Columns of a catalogue: one row per image.
IMAGE_ID = "image_id"  # unique string
PATH = "path"  # relative to the catalogue's root, with forward slashes
IDENTITY = "identity"  # name of the animal within its data set; missing where unlabelled
DATASET = "dataset"  # an identity belongs to it: "01" in two data sets is two animals
SPECIES = "species"
ENCOUNTER = "encounter"  # one sighting: photographs that share place, light and minute
DATE = "date"
UTC_OFFSET = "utc_offset"  # of the clock of `date`, "+02:00"; changes no result
ORIENTATION = "orientation"  # "left", "right", ...
BBOX = "bbox"  # "x,y,width,height" in pixels of the upright image
SPLIT = "split"  # the data set's own: "train" or "test"
CONTENT = "content"  # what a photograph is recognised by wherever it lies (`FileStates.contents`)
DRAW_KEY = "draw_key"  # text by which an encounter that follows from times draws its role, as its name may change

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
UNUSED = "unused"  # none of these: unlabelled training images, and queries that are left out
ROLES = (GALLERY, VAL, TEST)

# Columns of predictions.csv, beside identity_1 ... identity_5, score_1 ... and image_1 ..., one for each rank.
PREDICTED = "predicted"
SCORE = "score"  # similarity of the best individual, in the unit of metrics.json
TRUE_SCORE = "true_score"  # similarity of the query's own individual; NaN for an unknown
RANK = "rank"  # 1-based rank of the query's own individual among individuals; NaN for an unknown
AVERAGE_PRECISION = "average_precision"  # over gallery images; NaN for an unknown
N_RANKS = 5
PHOTOGRAPHS = "photographs"  # number of them in a query, where a query is an encounter
UNIT = "unit"  # of the scores, in metrics.json; where it is missing, it is `COSINE`
COSINE = "cosine"
EMBEDDING = "embedding"  # the score by embeddings, among other scores of a pair

# Columns of the predictions that say which flanks were compared; only where the gallery has orientations.
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
ANSWERS_HTML = "answers.html"  # the same in pictures, as one file that needs no other
SUMMARY_TXT = "summary.txt"
ASKED_JSON = "asked.json"  # what was asked of which gallery; written last

# Column of clusters.csv.
CLUSTER = "cluster"
KNOWN_AS = "known "  # how the name of a known animal's cluster begins

# Columns of answers.csv, beside those of a catalogue; there are also identity_1 ... identity_5, one for each rank, and
# the same for image, date and probability.
DECISION = "decision"  # name of the animal, or NEW_INDIVIDUAL; missing where the photograph could not be used
PROBABILITY = "probability"  # of the decision; in metrics.json the unit of fused scores
WORDS = "in_words"
DOUBTFUL = "doubtful"
NEW_ANIMAL = "new_animal"  # label of a new animal, the same for all photographs that are grouped as one animal
ACCEPTED = "accepted"  # what a person writes about the answer (`data.accepted`)
ALREADY = "already_enrolled"
ASKED_TWICE = "asked_twice"  # an earlier photograph among those asked about that is the same photograph
PROBLEM = "problem"  # why the photograph could not be used

# Columns of the rows of a gallery, beside those of a catalogue.
ROOT = "root"  # folder that `path` is relative to
GROUP = "group"  # label of a new animal, the same for all photographs that were accepted as one

# Files of a run folder.
PARAMS_JSON = "params.json"
STATUS_JSON = "status.json"
HISTORY_CSV = "history.csv"
IMAGES_CSV = "images.csv"  # the catalogue with the role of every image, by which runs are joined to compare them
LEFT_OUT_CSV = "left_out.csv"  # images that could not be used (skip_unreadable)
TRAINED_CSV = "trained.csv"  # the images trained on: name, individual, content (`CONTENT`)
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
CHECKSUMS_JSON = "checksums.json"  # of a finished run's files (`runs.seals`)
SUSPECTS_CSV = "suspected_label_errors.csv"  # photographs that look like one under two individuals
SAME_PHOTOS_CSV = "same_photos.csv"  # queries whose own photograph, a copy or another crop of it, is in the gallery
REMARKS_JSON = "remarks.json"  # tags and a note that people gave the run
REPORT_HTML = "report.html"  # of a finished run (`pages.run_report`)
REFERENCE_JSON = "reference.json"  # in runs/
TENSORBOARD, MLFLOW = "tensorboard", "mlflow"  # in runs/: copies of history and metrics, by the parameter `mirror`
COMPARISONS = "comparisons"  # in runs/, but no run: a folder of comparison pages
ANSWERS = "answers"  # in runs/, but no run: has a folder for each set of new photographs that was asked about
ALL_METRICS_CSV = "all_model_metrics.csv"  # in runs/
ALL_METRICS_PARQUET = "all_model_metrics.parquet"  # the same, where pyarrow is installed
REMOVED_LOG = "removed.log"  # in runs/: who removed which run, when and why
# Metrics (`openset.measures`) that a run's headline, the table of verdicts and the list of runs in a terminal show.
HEADLINE = ("geometric_mean", "baks", "baus", "top1", "auroc")
