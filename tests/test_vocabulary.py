"""One word for one thing: the names of modules and public classes."""

import ast
from collections import defaultdict
from pathlib import Path

import hopsartifacts

PACKAGE = Path(hopsartifacts.__file__).parent
MODULES = {
    str(path.relative_to(PACKAGE)): ast.parse(path.read_text())
    for path in PACKAGE.rglob("*.py")
}
GLOSSARY = Path(__file__).parents[1] / "docs/glossary.md"


def test_no_two_public_classes_have_one_name() -> None:
    places = defaultdict(list)
    for module, tree in MODULES.items():
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(module)
    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_modules_are_named_after_things() -> None:
    """Not after an act, as names that end in -ing are, which hides what is in them."""
    assert [module for module in MODULES if module.endswith("ing.py")] == []


def test_no_word_of_the_glossary_is_explained_twice() -> None:
    rows = [
        line.split("|")[1].strip()
        for line in GLOSSARY.read_text().splitlines()
        if line.startswith("| *")
    ]
    words = [word.strip(" *") for row in rows for word in row.split(" (")[0].split(",")]
    assert len(words) > 50
    assert sorted(words) == sorted(set(words))
