"""French, Spanish and Italian."""

from __future__ import annotations

from .grammar import Grammar
from .lexicon import phrases

_VOWELS = tuple("aeiouhéêàâ")


def _french(noun: str, gender: str, adjective: str) -> dict[str, str]:
    form = adjective.split("/")[gender == "f"]
    article = "l'" if noun.startswith(_VOWELS) else ("le ", "la ")[gender == "f"]
    one = ("un", "une")[gender == "f"]
    return {"def": f"{article}{noun}", "obj": f"{one} {noun} {form}",
            "is": f"{article}{noun} est {form}"}  # fmt: skip


def _spanish(noun: str, gender: str, adjective: str) -> dict[str, str]:
    form = adjective.split("/")[gender == "f"]
    the, one = (("el", "un"), ("la", "una"))[gender == "f"]
    return {"def": f"{the} {noun}", "obj": f"{one} {noun} {form}", "is": f"{the} {noun} es {form}"}


def _italian(noun: str, gender: str, adjective: str) -> dict[str, str]:
    form = adjective.split("/")[gender == "f"]
    hard = noun.startswith(("z", "st", "sp", "sc", "sv", "gn", "ps"))
    if noun.startswith(tuple("aeiou")):
        the, one = "l'", "un'" if gender == "f" else "un "
    elif gender == "f":
        the, one = "la ", "una "
    else:
        the, one = ("lo ", "uno ") if hard else ("il ", "un ")
    return {"def": f"{the}{noun}", "obj": f"{one}{noun} {form}", "is": f"{the}{noun} è {form}"}


GRAMMARS = {
    "fr": Grammar(
        _french,
        phrases("noir/noire, blanc/blanche, vert/verte, rouge/rouge, propre/propre, magnifique/"
                "magnifique, important/importante, bleu/bleue, intéressant/intéressante, "
                "parfait/parfaite, étrange/étrange, utile/utile"),
        {
            "nom": phrases("Marie, Pierre, Claire, Louis, Camille, Antoine, Juliette, Michel"),
            "jour": phrases("lundi, mardi, mercredi, jeudi, vendredi, samedi, dimanche"),
            "ville": phrases("Paris, Lyon, Marseille, Nice, Lille, Bordeaux, Nantes"),
            "adv": phrases("souvent, toujours, encore, aussi, maintenant, parfois"),
        },
        ("{is}.", "{nom} a trouvé {obj} à {ville}.", "Nous avons vu {obj} et {obj2}.",
         "Est-ce que {is} ? Oui, {is}.", "{jour}, {nom} parle {adv} de ce voyage à {ville}.",
         "Je ne sais pas où est {def}.", "Il y a {obj} près de {ville}."),
        (
            ("m:pain, f:soupe, m:fromage, f:pomme, m:gâteau, f:salade, m:poisson",
             ("{nom} mange {obj} avec sa sœur.", "Pour le dîner, nous préparons {obj}.")),
            ("m:chat, f:vache, m:chien, f:poule, m:cheval, m:oiseau, f:souris",
             ("Dans le jardin, {def} dort {adv}.", "Les enfants regardent {def} de {nom}.")),
            ("f:maison, m:toit, f:porte, m:lit, f:table, m:jardin, f:chambre, f:armoire",
             ("Chez {nom}, {is}.", "Elle habite {adv} dans cette maison à {ville}.")),
            ("m:train, f:voiture, m:bateau, m:avion, f:gare, m:vélo, f:route",
             ("{nom} part {jour} pour {ville}.", "Où se trouve {def}, s'il vous plaît ?")),
            ("m:livre, f:école, m:cahier, f:leçon, m:stylo, f:question, m:tableau",
             ("À l'école, {nom} écrit {adv} une lettre.", "Le professeur montre {def} à {nom}.")),
            ("f:chemise, m:manteau, f:robe, m:chapeau, m:pantalon, f:jupe, m:pull",
             ("{nom} porte {obj} {jour}.", "Elle a acheté {obj} à {ville}.")),
            ("m:lac, f:montagne, m:nuage, f:rivière, m:bois, f:fleur, f:plage",
             ("Il fait froid à {ville}, mais il ne pleut pas.", "Aujourd'hui, {is}.")),
            ("m:bureau, f:usine, m:travail, f:lettre, m:projet, f:réunion, m:contrat",
             ("{nom} travaille {adv} à {ville}.", "Le directeur a lu {def} {jour}.")),
            ("f:ville, m:pont, f:rue, m:musée, f:place, m:marché, f:église, m:parc",
             ("{nom} traverse {def} avec son ami.", "Au centre de {ville}, il y a {obj}.")),
            ("f:chanson, m:film, f:fête, m:piano, f:danse, m:concert, f:guitare",
             ("{jour}, {nom} chante avec ses amis.", "Les gens de {ville} aiment {adv} {def}.")),
        ),
    ),
    "es": Grammar(
        _spanish,
        phrases("negro/negra, blanco/blanca, rojo/roja, bonito/bonita, grande/grande, nuevo/nueva, "
                "verde/verde, antiguo/antigua, pequeño/pequeña, perfecto/perfecta, caro/cara"),
        {
            "nom": phrases("María, Carlos, Lucía, Javier, Carmen, Pablo, Elena, Miguel"),
            "jour": phrases("lunes, martes, miércoles, jueves, viernes, sábado, domingo"),
            "ville": phrases("Madrid, Sevilla, Barcelona, Bilbao, Granada, Valencia"),
            "adv": phrases("siempre, hoy, también, ahora, a veces"),
        },
        ("{is}.", "{nom} encontró {obj} en {ville}.", "Hemos visto {obj} y {obj2}.",
         "¿Dónde está {def}? No lo sé.", "El {jour} {nom} viaja a {ville}.",
         "Me gusta mucho {def} de {nom}.", "Hay {obj} cerca de {ville}."),
        (
            ("m:pan, f:sopa, m:queso, f:manzana, m:pescado, f:ensalada, m:arroz",
             ("{nom} come {obj} con su hermana.", "Para la cena preparamos {obj}.")),
            ("m:gato, f:vaca, m:perro, f:gallina, m:caballo, m:pájaro, f:oveja",
             ("En el jardín {def} duerme {adv}.", "Los niños miran {obj}.")),
            ("f:casa, m:techo, f:puerta, m:sofá, f:mesa, m:jardín, f:cocina",
             ("Esta casa es de {nom}, y {is}.", "Ella vive {adv} en {ville}.")),
            ("m:tren, f:bicicleta, m:barco, m:avión, f:estación, m:coche, f:carretera",
             ("{nom} sale el {jour} para {ville}.", "Perdón, ¿es este {def}?")),
            ("m:libro, f:escuela, m:cuaderno, f:lección, m:lápiz, f:pregunta, m:papel",
             ("En la escuela {nom} escribe una carta.", "El profesor mira {def} del alumno.")),
            ("f:camisa, m:abrigo, f:falda, m:sombrero, m:vestido, f:chaqueta, m:zapato",
             ("{nom} lleva {obj} el {jour}.", "Ella compró {obj} en {ville}.")),
            ("m:lago, f:montaña, f:nube, m:río, m:bosque, f:flor, f:playa",
             ("Hace frío en {ville}, pero no llueve.", "{adv} miramos {def} desde la ventana.")),
            ("f:oficina, f:fábrica, m:trabajo, f:carta, m:proyecto, f:reunión, m:contrato",
             ("{nom} trabaja {adv} en {ville}.", "El jefe vio {def} el {jour}.")),
            ("f:ciudad, m:puente, f:calle, m:museo, f:plaza, m:mercado, f:iglesia, m:parque",
             ("{nom} cruza {def} con su amigo.", "En el centro de {ville} hay {obj}.")),
            ("f:canción, f:película, f:fiesta, m:piano, m:baile, m:concierto, f:guitarra",
             ("El {jour} {nom} canta con sus amigos.", "La gente de {ville} ama {def}.")),
        ),
    ),
    "it": Grammar(
        _italian,
        phrases("nero/nera, bianco/bianca, rosso/rossa, piccolo/piccola, grande/grande, "
                "nuovo/nuova, verde/verde, antico/antica, perfetto/perfetta, caro/cara"),
        {
            "nom": phrases("Giulia, Marco, Chiara, Luca, Francesca, Paolo, Elisa, Matteo"),
            "jour": phrases("lunedì, martedì, mercoledì, giovedì, venerdì, sabato"),
            "ville": phrases("Roma, Milano, Napoli, Torino, Firenze, Venezia, Bologna"),
            "adv": phrases("sempre, spesso, oggi, anche, adesso, qualche volta"),
        },
        ("{is}.", "{nom} ha trovato {obj} a {ville}.", "Abbiamo visto {obj} e {obj2}.",
         "Dov'è {def}? Non lo so.", "{jour} {nom} va a {ville} con gli amici.",
         "Mi piace molto {def} di {nom}.", "C'è {obj} vicino a {ville}."),
        (
            ("m:pane, f:zuppa, m:formaggio, f:mela, m:pesce, f:insalata, m:riso, m:gelato",
             ("{nom} mangia {obj} con la sorella.", "Per cena prepariamo {obj}.")),
            ("m:gatto, f:mucca, m:cane, f:gallina, m:cavallo, m:uccello, f:pecora",
             ("Nel giardino {def} dorme {adv}.", "I bambini guardano {def} di {nom}.")),
            ("f:casa, m:tetto, f:porta, m:letto, m:tavolo, m:giardino, f:cucina, m:specchio",
             ("Questa casa è di {nom}, e {is}.", "Lei abita {adv} a {ville}.")),
            ("m:treno, f:bicicletta, f:barca, m:aereo, f:stazione, f:macchina, f:strada",
             ("{nom} parte {jour} per {ville}.", "Scusi, è questo il treno per {ville}?")),
            ("m:libro, f:scuola, m:quaderno, f:lezione, f:penna, f:domanda, m:zaino",
             ("A scuola {nom} scrive una lettera.", "Il professore mostra {def} a {nom}.")),
            ("f:camicia, m:cappotto, f:gonna, m:cappello, m:vestito, f:giacca, m:stivale",
             ("{nom} porta {obj} {jour}.", "Lei ha comprato {obj} a {ville}.")),
            ("m:lago, f:montagna, f:nuvola, m:fiume, m:bosco, m:fiore, f:spiaggia",
             ("Fa freddo a {ville}, ma non piove.", "Guardiamo {adv} {def} dalla finestra.")),
            ("m:ufficio, f:fabbrica, m:lavoro, f:lettera, m:progetto, f:riunione, m:contratto",
             ("{nom} lavora {adv} a {ville}.", "Il capo ha visto {def} {jour}.")),
            ("f:città, m:ponte, f:via, m:museo, f:piazza, m:mercato, f:chiesa, m:parco",
             ("{nom} attraversa {def} con un amico.", "Nel centro di {ville} c'è {obj}.")),
            ("f:canzone, m:film, f:festa, m:pianoforte, m:ballo, m:concerto, f:chitarra",
             ("{jour} {nom} canta con gli amici.", "La gente di {ville} ama {def}.")),
        ),
    ),
}  # fmt: skip
