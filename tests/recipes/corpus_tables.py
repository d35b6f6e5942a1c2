"""The corpus recipe's tables keep its promises: known labels, no group in two splits, free licences, fold 5 held out.

    corpus_tables.py RECIPE ESC10        (the folder of the recipe; ESC-10, whose own test is left out where it is absent)

Needs neither numpy nor the network: only tables are read."""
import pathlib
import sys
import unittest

recipe, esc10_dir = (pathlib.Path(argument) for argument in sys.argv[1:3])
sys.path.insert(0, str(recipe))

import esc10                        # noqa: E402
import make_corpus                  # noqa: E402
from tables import FREE, audioset_names, table      # noqa: E402


def planted(**changes):
    row = {"filename": "esc10/a.ogg", "labels": "Rain|Water", "split": "train", "group": "g", "licence": "CC0"}
    return row | changes


class Tables(unittest.TestCase):
    def test_every_label_is_one_of_audioset(self):
        names = set(audioset_names())
        self.assertEqual(len(names), 527)
        for name in ("esc10.csv", "instruments.csv", "debian_tier1.csv", "debian_tier2.csv"):
            for row in table(name):
                for label in row["labels"].split("|"):
                    self.assertIn(label, names, name)

    def test_no_group_of_debian_is_in_two_splits(self):
        splits = {}
        for row in table("debian_tier1.csv") + table("debian_tier2.csv"):
            self.assertEqual(splits.setdefault(row["group"], row["split"]), row["split"], row["group"])

    def test_tier_1_has_free_licences_only_and_names_authors(self):
        for row in table("debian_tier1.csv"):
            self.assertIn(row["licence"], FREE, row["path"])
            self.assertTrue(row["author"], row["path"])

    def test_no_sound_is_listed_twice(self):
        sums = [row["sha256"] for row in table("debian_tier1.csv") + table("debian_tier2.csv")]
        self.assertEqual(len(sums), len(set(sums)))

    def test_no_voice_or_sentence_is_in_two_splits(self):
        for column in ("voices", "languages"):
            seen = {}
            for row in table("voices.csv"):
                if column == "languages" and row["engine"] == "flite":
                    continue                # has English alone; its voices differ
                for name in row[column].split():
                    self.assertEqual(seen.setdefault((row["engine"], name), row["split"]), row["split"], name)
        texts = [row["text"] for row in table("texts.csv")]
        self.assertEqual(len(texts), len(set(texts)))

    def test_a_font_that_trains_is_free_and_never_tests(self):
        for row in table("fonts.csv"):
            splits = row["splits"].split()
            self.assertTrue(splits == ["test"] or (row["licence"] in FREE and "test" not in splits), row["font"])

    def test_every_language_of_a_split_has_a_sentence_there(self):
        has = {(row["language"], row["split"]) for row in table("texts.csv")}
        for row in table("voices.csv"):
            for language in row["languages"].split():
                self.assertIn((language.split("-")[0], row["split"]), has)


class Esc10(unittest.TestCase):
    def test_fold_5_is_test_whatever_fold_is_chosen_by(self):
        for valid_fold in range(5):
            self.assertEqual(esc10.split_of(5, valid_fold), "test")
            for fold in range(1, 5):
                self.assertEqual(esc10.split_of(fold, valid_fold), "valid" if fold == valid_fold else "train")

    @unittest.skipUnless((esc10_dir / "meta.csv").exists(), "ESC-10 is not here")
    def test_rows_of_esc10_are_faultless_and_ten_classes(self):
        rows = esc10.rows(esc10_dir, 4)
        self.assertEqual(list(make_corpus.faults(rows, any_licence=False)), [])
        self.assertEqual(len({row["labels"] for row in rows}), 10)
        held_out = {row["filename"] for row in rows if row["fold"] == "5"}
        self.assertEqual(held_out, {row["filename"] for row in rows if row["split"] == "test"})
        self.assertEqual(held_out, {row["filename"] for row in make_corpus.final(rows) if row["split"] == "test"})


class Faults(unittest.TestCase):
    """What make_corpus.py refuses to write."""
    def faults(self, *rows, any_licence=False):
        return len(list(make_corpus.faults(rows, any_licence)))

    def test_good_rows_have_none(self):
        self.assertEqual(self.faults(planted(), planted(split="test", group="h", licence="GPL-2.0")), 0)

    def test_an_unknown_label_is_one(self):
        self.assertEqual(self.faults(planted(labels="Rain|Drizzle")), 1)

    def test_a_group_in_two_splits_is_one(self):
        self.assertEqual(self.faults(planted(), planted(split="test")), 1)

    def test_an_unfree_training_clip_is_one_unless_wished(self):
        self.assertEqual(self.faults(planted(licence="GPL-2.0")), 1)
        self.assertEqual(self.faults(planted(licence="GPL-2.0"), any_licence=True), 0)

    def test_a_class_counts_as_trained_by_clips_and_groups(self):
        def classes(n_clips, n_groups):
            return make_corpus.by_class([planted(group=str(i % n_groups)) for i in range(n_clips)])
        self.assertEqual(make_corpus.trained(classes(12, 4)), ["Water", "Rain"])
        self.assertEqual(make_corpus.trained(classes(12, 3)), [])
        self.assertEqual(make_corpus.trained(classes(11, 4)), [])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
