"""What scenes_report.py counts of a scene and of what was told of it.

    scenes_report.py RECIPES ONTOLOGY.CSV"""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

recipes, ontology = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])


def report(truth, told, *options):
    """Both are lists of (onset, offset, label)."""
    with tempfile.TemporaryDirectory() as folder:
        scenes = pathlib.Path(folder)
        (scenes / "scene-00.txt").write_text("".join(f"{a}\t{b}\t{label}\n" for a, b, label in truth), encoding="utf-8")
        (scenes / "told").mkdir()
        (scenes / "told" / "scene-00.flac.audacity.txt").write_text("".join(f"{a}\t{b}\t{label} 0.50\n" for a, b, label in told),
                                                                    encoding="utf-8")
        ran = subprocess.run([sys.executable, recipes / "scenes_report.py", scenes, scenes / "told", ontology, *options],
                             capture_output=True, check=True, text=True)
    return json.loads(ran.stdout), ran.stderr


class Report(unittest.TestCase):
    def check(self, truth, told, **want):
        found, _ = report(truth, told)
        self.assertEqual({key: found[key] for key in want}, want)

    def test_an_event_of_its_class_finds_a_sound(self):
        self.check([(2, 5, "Bark")], [(2.4, 5.5, "Bark")], sounds=1, found=1, timely=1, false=0)
        self.check([(2, 5, "Bark")], [(2.4, 5.6, "Bark")], found=1, timely=0, false=0)
        self.check([(2, 5, "Bark")], [(2, 3, "Bark"), (4, 5, "Bark")], found=1, timely=0, false=0)
        self.check([(2, 5, "Bark")], [], sounds=1, found=0, timely=0, false=0)

    def test_an_event_of_no_sound_is_false_but_not_a_general_class(self):
        self.check([(2, 5, "Bark")], [(2, 5, "Animal")], found=0, false=0)
        self.check([(2, 5, "Animal")], [(2, 5, "Bark")], found=0, false=1)
        self.check([(2, 5, "Bark")], [(6, 8, "Bark")], found=0, false=1)

    def test_the_ten_of_esc10_and_instruments_are_counted_by_themselves(self):
        truth = [(2, 5, "Bark"), (6, 9, "Rain"), (10, 13, "Flute")]
        told = [(2, 5, "Bark"), (6, 9, "Busy signal"), (10, 13, "Electric guitar"), (14, 15, "Musical instrument"), (16, 19, "Jazz")]
        self.check(truth, told, sounds=3, found=1, esc10_sounds=2, esc10_found=1, false=4, false_instruments=2)

    def test_classes_have_a_line_and_options_are_named(self):
        found, lines = report([(2, 5, "Bark")], [(6, 8, "Flute")], "--only", "esc10")
        self.assertIn("make_scenes.py --only esc10", found["dataset"])
        self.assertEqual([line.split()[0] for line in lines.splitlines()], ["Bark", "Flute"])


unittest.main(argv=sys.argv[:1])
