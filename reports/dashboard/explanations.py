"""How to read each number: the one place where the dashboard's explanations stand, for tooltips and for the pages."""

from __future__ import annotations

READING = {
    "verdict": "Flagged: the model was shown to rely on the concept. Suspect: that is neither shown nor excluded. "
    "Clean: nothing passed the tests; a smaller effect may be there. Not analysed: nothing is known either way.",
    "kind": "Scene, texture, colour, weather and the like are context: a class should not rely on them. Objects and "
    "their parts may be relied on.",
    "words": "Share of the words: how much of the evidence for the class a phrase explains, on average over the "
    "pictures called the class. The tick is the same share in the other classes. No word fits: what the phrases leave "
    "unexplained.",
    "gap": "Gap: how much more often the model is right about the class with the concept than without it, or how much "
    "more often other classes are called it, in points, with its 95 % interval.",
    "forest": "Each line is one rule with its 95 % interval; the line at zero means no effect. The gap in the accent "
    "colour is what the verdict rests on. Erased: what is lost when the concept is taken out of the features.",
    "matrix": "A row is a class, a column a concept. The number is the gap of recall in points: how much more often "
    "the model is right about pictures of the class with the concept than without it, of comparable pictures where a "
    "rule measured it, else of all. The square is as large as the smaller of the two groups of pictures, up to 100; "
    "its colour is as strong as the gap, up to 50 points. Of many cells some are large by chance: what is shown and "
    "what is not, the verdict says.",
    "atlas": "A point is a picture. Pictures that are alike lie near each other: by the inputs of the model's last "
    "layer, or by what the encoder sees. Far says nothing of how far, and the axes mean nothing. Draw around some "
    "points, or press on one, to see the pictures.",
    "presence": "What counts as showing a concept, the encoder decides (or the manifest, where it says so; of a place, "
    "how much of the evidence lies there): above 50 % a picture counts as with it. Judge it by the pictures.",
    "erased": "Erased: what the class loses when the concept is taken out of the model's features. Permuted: the same "
    "with the concept's presence shuffled, which should be near nothing.",
    "filled": "Filled with it: pictures of the class have the place of the concept covered with what pictures of other "
    "classes have there, once with the concept and once without it. It is how much more often they are called the "
    "class with it, in points with the 95 % interval.",
    "place": "What lies at the place is exchanged between pictures of different classes, once there and once at its "
    "mirror image. Taken away: how much less often the class is still recognised. Given to others: how much more often "
    "others are called it. In points with the 95 % interval.",
    "surroundings": "Middles of pictures are shown in surroundings of others, of another class and of their own. "
    "Taken away: how much less often the class is still recognised in another class's. Given to others: how much more "
    "often others are called it in the class's. In points with the 95 % interval.",
    "association": "Goes with it: draw a picture of the class and one of another; in so many of 100 draws the first "
    "shows more of the concept. 50 % means that they do not go together. It says what the data offer, not what the "
    "model took.",
    "group": "A channel group is a set of channels that say much the same in the encoder's words. Its share is what it "
    "carries of the evidence for a class, on average over the pictures called it.",
    "use": "How much of all evidence runs through the group, over all classes.",
    "call": "What the model calls the picture, and how sure it is. A cross and an outline: it is wrong by the label.",
    "picture_words": "Share of the words in this one picture: how much of the evidence for the class, or for the "
    "predicted one, the concept explains.",
    "likeness": "The cosine of the two in the encoder's space, 1 at most. The order says more than the number.",
    "map": "Where the model finds evidence for the class, or for the concept: brightest where most, each map by "
    "itself, the outline around its strongest tenth. It says where, never how much.",
    "changes": "New, fixed: found in one release, excluded in the other, and the gap really changed. Worse, better: "
    "not excluded in either, and the gap really changed. Unchanged: the change is inside the noise. Unclear: one "
    "release did not measure it, or verdict and gap say opposite things.",
    "gate": "As `auditor gate` decides in the folder that the dashboard was started in: exit code 0 passes, 1 is a "
    "finding that nobody accepted, 2 is a class that could not be judged. An entry of the baseline covers the verdict "
    "that it was written at and better ones, until the end of its last day.",
}
