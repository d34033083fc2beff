"""Longer English sentences built clause by clause, so that prose is more than fixed templates.

Each topic lists who acts, what they do, where, when, how and why; sentences join one to three
such clauses in many orders.
"""

from __future__ import annotations

from .draw import Frame, pattern_frame
from .lexicon import phrases

_COMMON = {
    "when": phrases(
        "early in the morning, late at night, one summer evening, a few days later, that winter, "
        "on the following day, every other week, not long ago, just before sunset, all afternoon, "
        "for a moment, during the holidays, after the storm, at the end of the month, once again"
    ),
    "how": phrases(
        "without a sound, with great care, in a hurry, for the first time, side by side, "
        "against all advice, as quickly as possible, more or less by accident, with empty hands, "
        "in good spirits, step by step, to everyone's surprise, as usual, with some effort"
    ),
    "why": phrases(
        "because time was short, since the road was blocked, as the light had failed, "
        "because nobody else dared, since the price was fair, for the days were growing colder, "
        "because it was the custom, as there was little choice, since money was scarce, "
        "because a promise is a promise, for the news had spread, as the map was wrong"
    ),
    "link": phrases(
        "while, although, before, after, until, so that, even though, whenever, as soon as, because"
    ),
    "next": phrases(
        "However, Meanwhile, In the end, Even so, For this reason, Strangely enough, At first, "
        "Later on, As a result, On the other hand, By chance, Little by little, In any case"
    ),
    "detail": phrases(
        "the air smelled of salt, smoke rose from the chimneys, a bell rang in the distance, "
        "dust covered every shelf, the streets were nearly empty, somebody had left a light on, "
        "children were laughing behind a fence, the grass was still wet, a clock ticked loudly, "
        "the shadows grew longer, an engine hummed somewhere below, leaves drifted past"
    ),
}
# Topic by topic: who, did, where.
_TOPICS: tuple[tuple[str, str, str], ...] = (
    (
        "the old fisherman, his nephew, the harbor master, two sailors, the cook, a young "
        "captain, the crew, a stranger from the islands, the ferry's engineer, several passengers",
        "mended the nets, lowered the sail, tasted the stew, counted the barrels, told a long "
        "tale, watched the tide, wrote in the log, tied the ropes, spotted a whale, lost an "
        "anchor, cleaned the deck, waited for wind, dreamed of dry land, argued about the course",
        "on the pier, below deck, near the lighthouse, at the edge of the bay, off the coast, "
        "beside the old wreck, in a narrow channel, under a pale moon",
    ),
    (
        "the head gardener, my grandmother, a neighbor's boy, the new owner, an expert on roses, "
        "the twins, our aunt, a group of students, the beekeeper, somebody from the village",
        "planted tulips, watered the beans, trimmed the hedge, dug a pond, gathered ripe plums, "
        "chased away the crows, built a greenhouse, pulled up weeds, fed the hens, burned dry "
        "leaves, painted the gate, discovered a hidden path, picked berries, rested on a bench",
        "behind the shed, along the south wall, under the pear tree, near the compost heap, in "
        "the upper field, by the stream, between the rows, next to the beehives",
    ),
    (
        "the night nurse, a tired surgeon, the patient in room nine, our family doctor, the "
        "chemist, two visitors, an elderly professor, the ambulance team, a medical student, the "
        "porter",
        "checked the charts, asked for silence, measured the fever, opened a window, ordered more "
        "tests, carried the stretcher, read the results aloud, slept badly, changed the bandage, "
        "explained the treatment, signed a form, refused the medicine, made a phone call, felt "
        "better",
        "in the corridor, on the third floor, at the front desk, inside the laboratory, near the "
        "elevator, in the waiting area, beside the bed, across the courtyard",
    ),
    (
        "the detective, a nervous witness, the landlord, an honest clerk, the banker's daughter, "
        "two policemen, the man in gray, a retired judge, the chief suspect, the reporter",
        "examined the lock, hid the evidence, followed the trail, denied everything, found a torn "
        "letter, borrowed a lantern, asked the same question twice, noticed a scratch, burned the "
        "papers, changed the story, vanished, called for help, confessed, made a careful sketch",
        "in the cellar, behind the theater, on the back stairs, at the hotel bar, under the "
        "railway bridge, in an abandoned mill, near the fountain, outside the bank",
    ),
    (
        "the mountain guide, three climbers, a lost hiker, the rescue pilot, an eager tourist, "
        "the shepherd, the girl with the camera, our small party, the innkeeper, a lonely hermit",
        "crossed the glacier, lit a fire, checked the ropes, lost the path, shared the last "
        "biscuits, pitched a tent, heard an avalanche, filled the flasks, turned back, reached "
        "the summit, studied the clouds, slipped, took photographs, sang to keep awake",
        "above the tree line, in a stone hut, near the pass, on the north face, at the foot of "
        "the cliff, beside a frozen lake, along the ridge, in deep snow",
    ),
    (
        "the violinist, an impatient director, the stage crew, a famous soprano, the prompter, "
        "the critics, a boy from the choir, the costume designer, half of the audience, the "
        "pianist",
        "tuned the strings, forgot the words, dimmed the lamps, applauded, walked out, missed a "
        "cue, practiced the finale, sewed a button, demanded a pause, laughed out loud, sold the "
        "last seats, improvised, repaired the curtain, bowed twice",
        "behind the curtain, in the orchestra pit, on the balcony, at the stage door, in the "
        "front row, under the bright lights, in a tiny dressing room, near the exit",
    ),
)
PATTERNS = (
    "{when}, {who} {did} {where}.",
    "{who} {did} {how}, and {who2} {did2}.",
    "{who} {did} {where}, {why}.",
    "{next}, {who} {did} {where} {link} {who2} {did2}.",
    "Although {who} {did} {where}, {who2} {did2} {when}.",
    "{who}, who {did} {when}, {did2} {how}.",
    "{next}, {detail}, and {who} {did}.",
    "It was {who} who {did} {where}; {who2} only {did2}.",
    "{where}, where {detail}, {who} {did} and {did2}.",
    "{when} {who} {did}, {did2} and {did3}.",
    "{detail} when {who} {did} {where}.",
)


def _frame(topic: tuple[str, str, str]) -> Frame:
    who, did, where = (phrases(text) for text in topic)
    return pattern_frame(PATTERNS, _COMMON | {"who": who, "did": did, "where": where})


FRAMES = tuple(_frame(topic) for topic in _TOPICS)
