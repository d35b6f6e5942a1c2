"""The ESC-10 part: ten classes under their AudioSet names (esc10.csv), fold 5 held out.

Fold 5 is split `test` and never trains. Folds 1-4 train, but the fold `valid_fold`, which is there to choose by (0: none).
Clips of other licences than the recipe allows (two are CC Sampling+) stay out."""
import shutil

from tables import FREE, table

TEST_FOLD = 5


def split_of(fold, valid_fold):
    if fold == TEST_FOLD:
        return "test"
    return "valid" if fold == valid_fold else "train"


def rows(esc10, valid_fold):
    """Rows of the corpus for the set in the folder `esc10`: meta.csv, attribution.csv and audio/."""
    labels = {row["category"]: row["labels"] for row in table("esc10.csv")}
    credit = {row["filename"]: row for row in table(esc10.resolve() / "attribution.csv")}
    found = []
    for clip in table(esc10.resolve() / "meta.csv"):
        name = clip["filename"]
        if clip["category"] not in labels or credit[name]["licence"] not in FREE:
            continue
        found.append({
            "filename": f"esc10/{name}", "labels": labels[clip["category"]], "fold": clip["fold"],
            "split": split_of(int(clip["fold"]), valid_fold), "group": f"esc10:{clip['src_file']}",
            "source": credit[name]["source"], "licence": credit[name]["licence"], "author": credit[name]["author"],
        })
    return found


def copy(esc10, out, found):
    (out / "esc10").mkdir(parents=True, exist_ok=True)
    for row in found:
        to = out / row["filename"]
        if not to.exists():
            shutil.copyfile(esc10 / "audio" / to.name, to)
