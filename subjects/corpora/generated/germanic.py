"""German and Dutch."""

from __future__ import annotations

from .grammar import Grammar
from .lexicon import phrases


def _german(noun: str, gender: str, adjective: str) -> dict[str, str]:
    index = "mfn".index(gender)
    the = ("der", "die", "das")[index]
    acc = ("den", "die", "das")[index]
    one = ("einen", "eine", "ein")[index]
    ending = ("en", "e", "es")[index]
    return {"def": f"{the} {noun}", "acc": f"{acc} {noun}", "is": f"{the} {noun} ist {adjective}",
            "obj": f"{one} {adjective}{ending} {noun}"}  # fmt: skip


def _dutch(noun: str, gender: str, adjective: str) -> dict[str, str]:
    plain, inflected = adjective.split("/")
    the = "het" if gender == "n" else "de"
    form = plain if gender == "n" else inflected
    return {"def": f"{the} {noun}", "is": f"{the} {noun} is {plain}",
            "obj": f"een {form} {noun}"}  # fmt: skip


GRAMMARS = {
    "de": Grammar(
        _german,
        phrases("alt, neu, klein, schwarz, weiß, rot, schön, blau, groß, klar, fremd, warm"),
        {
            "nom": phrases("Anna, Jürgen, Greta, Lukas, Heike, Stefan, Sabine, Jonas"),
            "jour": phrases("Montag, Dienstag, Mittwoch, Donnerstag, Freitag, Samstag, Sonntag"),
            "ville": phrases("Berlin, Hamburg, München, Köln, Leipzig, Bremen, Wien"),
            "adv": phrases("oft, immer, heute, wieder, manchmal, noch"),
        },
        ("{is}.", "{nom} hat {obj} in {ville} gesehen.", "Wir haben {obj} und {obj2} gefunden.",
         "Wo ist {def}? Ich weiß es nicht.", "Am {jour} fährt {nom} nach {ville}.",
         "{nom} sagt, dass {def} {adv} dort ist.", "Ich sehe {acc}, aber nicht {acc2}."),
        (
            ("m:Kuchen, f:Suppe, n:Brot, m:Käse, f:Birne, n:Ei, m:Fisch",
             ("{nom} isst {adv} mit der Schwester.", "Zum Abendessen gibt es {obj}.")),
            ("m:Hund, f:Katze, n:Pferd, m:Vogel, f:Kuh, n:Huhn, f:Maus",
             ("Im Garten schläft {def}.", "Die Kinder suchen {acc} von {nom}.")),
            ("n:Haus, f:Tür, m:Tisch, n:Bett, m:Garten, f:Küche, n:Dach",
             ("Bei {nom} ist {def} sehr schön.", "Sie wohnt {adv} in {ville}.")),
            ("m:Zug, f:Straße, n:Auto, m:Bahnhof, n:Schiff, n:Fahrrad, f:Brücke",
             ("Am {jour} sehen wir {acc} in {ville}.", "{nom} malt {acc} am {jour}.")),
            ("n:Buch, f:Schule, m:Stift, f:Frage, n:Heft, m:Lehrer, f:Tafel",
             ("In der Schule schreibt {nom} einen Brief.", "{nom} braucht {acc} am {jour}.")),
            ("n:Hemd, f:Jacke, m:Mantel, m:Hut, f:Hose, n:Kleid, m:Rock",
             ("Am {jour} trägt {nom} {obj}.", "Sie hat {acc} in {ville} gekauft.")),
            ("m:See, m:Berg, f:Wolke, m:Fluss, f:Blume, n:Feld, m:Wald",
             ("Es ist kalt in {ville}, aber es regnet nicht.", "{nom} mag {acc} im Winter.")),
            ("n:Büro, f:Fabrik, m:Vertrag, f:Arbeit, n:Projekt, m:Brief, f:Sitzung",
             ("{nom} arbeitet {adv} in {ville}.", "Der Chef hat {acc} am {jour} gesehen.")),
            ("f:Stadt, m:Markt, n:Museum, f:Kirche, m:Platz, n:Rathaus, m:Park",
             ("{nom} zeigt uns {acc}.", "Mitten in {ville} gibt es {obj}.")),
            ("n:Lied, f:Geige, m:Film, n:Fest, m:Tanz, n:Konzert, f:Trommel",
             ("Am {jour} singt {nom} mit Freunden.", "Die Leute in {ville} lieben {acc}.")),
        ),
    ),
    "nl": Grammar(
        _dutch,
        phrases("oud/oude, nieuw/nieuwe, klein/kleine, groot/grote, zwart/zwarte, wit/witte, "
                "rood/rode, mooi/mooie, blauw/blauwe, vreemd/vreemde, warm/warme"),
        {
            "nom": phrases("Sanne, Pieter, Femke, Joris, Marieke, Bram, Anouk, Willem"),
            "jour": phrases("maandag, dinsdag, woensdag, donderdag, vrijdag, zaterdag, zondag"),
            "ville": phrases("Amsterdam, Utrecht, Rotterdam, Leiden, Groningen, Gent"),
            "adv": phrases("vaak, altijd, vandaag, weer, soms, nog"),
        },
        ("{is}.", "{nom} heeft {obj} in {ville} gezien.", "Wij hebben {obj} en {obj2} gevonden.",
         "Waar is {def}? Ik weet het niet.", "Op {jour} gaat {nom} naar {ville}.",
         "{nom} zegt dat {def} {adv} daar is.", "Er is {obj} vlak bij {ville}."),
        (
            ("n:brood, m:soep, m:kaas, n:ei, m:appel, m:vis, m:taart",
             ("{nom} eet {adv} met een vriend.", "Voor het avondeten maken we {obj}.")),
            ("m:hond, m:kat, n:paard, m:vogel, m:koe, n:schaap, m:muis",
             ("In de tuin slaapt {def}.", "De kinderen zoeken {def} van {nom}.")),
            ("n:huis, m:deur, m:tafel, n:bed, m:tuin, m:keuken, n:dak",
             ("Bij {nom} thuis is {def} heel mooi.", "Zij woont {adv} in {ville}.")),
            ("m:trein, m:straat, n:schip, n:station, m:fiets, m:auto, m:brug",
             ("Op {jour} zien we {def} in {ville}.", "{nom} tekent {def} op {jour}.")),
            ("n:boek, m:school, m:pen, m:vraag, n:schrift, n:bord, m:les",
             ("Op school schrijft {nom} een brief.", "{nom} wil {def} op {jour} zien.")),
            ("n:hemd, m:jas, m:rok, m:hoed, m:broek, m:trui, n:vest",
             ("Op {jour} draagt {nom} {obj}.", "Zij heeft {def} in {ville} gekocht.")),
            ("n:meer, m:berg, m:wolk, m:rivier, n:bos, m:bloem, n:strand",
             ("Het is koud in {ville}, maar het regent niet.", "{nom} kijkt {adv} naar {def}.")),
            ("n:kantoor, m:fabriek, n:contract, n:werk, n:plan, m:brief, m:baan",
             ("{nom} werkt {adv} in {ville}.", "De baas heeft {def} op {jour} gezien.")),
            ("m:stad, m:markt, n:museum, m:kerk, n:plein, n:park, m:toren",
             ("{nom} laat ons {def} zien.", "Midden in {ville} staat {obj}.")),
            ("n:lied, m:viool, m:film, n:feest, m:dans, n:concert, m:trommel",
             ("Op {jour} zingt {nom} met vrienden.", "De mensen in {ville} houden van {def}.")),
        ),
    ),
}  # fmt: skip
