"""What the pictures are called: nouns, colours, patterns and materials, each in several words.

A picture has attributes, a text asks for some of them: "a red striped dress" asks for a noun, a
colour and a pattern, and is right for every picture that has all three, of whatever source.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass

AXES = ("noun", "family", "colour", "pattern", "direction", "material", "gender")
"""What a text can ask for, besides one picture itself."""

TEMPLATES = (
    "{}",
    "a photo of {}",
    "a picture of {}",
    "an image of {}",
    "a product photo of {}",
    "a close up of {}",
)

# The forms of a noun, by the name that its source gives it. The first is the attribute's value, so
# that sources which mean one thing agree; what is not listed stands for itself, in lower case.
_NOUNS: Mapping[str, tuple[str, ...]] = {
    "Tshirts": ("t-shirt", "tshirts", "tshirt", "tee", "t-shirts", "t shirt"),
    "t-shirt": ("t-shirt", "tshirts", "tshirt", "tee", "t-shirts", "t shirt"),
    "tee": ("t-shirt", "tshirts", "tshirt", "tee", "t-shirts", "t shirt"),
    "Shirts": ("shirt", "shirts", "button-down shirt"),
    "Casual Shoes": ("casual shoes", "casual shoes", "casual shoe", "sneakers"),
    "sneaker": ("sneaker", "sneakers", "low sneaker", "trainer"),
    "Sports Shoes": ("sports shoes", "sports shoes", "running shoes", "athletic shoe"),
    "Formal Shoes": ("formal shoes", "formal shoes", "dress shoes", "leather shoes"),
    "Kurtas": ("kurta", "kurtas"),
    "Kurtis": ("kurti", "kurtis"),
    "Tops": ("top", "tops", "women's top"),
    "Watches": ("watch", "watches", "wristwatch"),
    "Handbags": ("handbag", "handbags", "hand bag", "purse"),
    "handbag": ("handbag", "handbags", "hand bag", "purse"),
    "Heels": ("heels", "heels", "high heels", "pumps"),
    "Sunglasses": ("sunglasses", "sunglasses", "shades"),
    "Sweaters": ("sweater", "sweaters", "pullover", "jumper"),
    "sweater": ("sweater", "sweaters", "pullover", "jumper"),
    "Flip Flops": ("flip flops", "flip flops", "flip-flops", "thongs"),
    "Wallets": ("wallet", "wallets"),
    "Sandals": ("sandals", "sandals", "sandal"),
    "Sweatshirts": ("sweatshirt", "sweatshirts", "hoodie"),
    "Belts": ("belt", "belts"),
    "Trousers": ("trousers", "trousers", "pants"),
    "pants": ("pants", "pants", "trousers"),
    "Jeans": ("jeans", "jeans", "denim"),
    "Socks": ("sock", "socks", "sock", "pair of socks"),
    "sock": ("sock", "socks", "sock", "pair of socks"),
    "Jackets": ("jacket", "jackets", "coat"),
    "outwear": ("outwear", "outerwear", "outwear", "jacket", "coat"),
    "longsleeve": ("longsleeve", "long sleeve shirt", "longsleeve", "long sleeved top"),
    "Flats": ("flats", "flats", "ballerinas", "flat shoes"),
    "Backpacks": ("backpack", "backpacks", "rucksack"),
    "backpack": ("backpack", "backpacks", "rucksack"),
    "Briefs": ("briefs", "briefs", "underwear"),
    "Innerwear Vests": ("innerwear vests", "innerwear vest", "undershirt", "vest"),
    "Shorts": ("shorts", "shorts"),
    "Caps": ("cap", "caps", "baseball cap"),
    "hat": ("hat", "hats"),
    "shoes": ("shoes", "shoes", "pair of shoes", "shoe"),
    "shirt": ("shirt", "shirts", "button-down shirt"),
    "shorts": ("shorts", "shorts"),
    "Ties": ("tie", "ties", "necktie"),
    "Dresses": ("dress", "dresses"),
    "dress": ("dress", "dresses", "day dress"),
    "Skirts": ("skirt", "skirts"),
    "skirt": ("skirt", "skirts"),
    "Mufflers": ("muffler", "mufflers", "scarf"),
    "Scarves": ("scarf", "scarves"),
    "Clutches": ("clutch", "clutches", "clutch bag"),
    "Leggings": ("leggings", "leggings"),
    "Perfume and Body Mist": ("perfume", "perfume and body mist", "perfume bottle"),
    "beanie": ("beanie", "beanies", "knit cap", "woolly hat"),
    "sunhat": ("sun hat", "sunhat", "brimmed hat", "straw hat"),
    "tote": ("tote", "tote bag", "totes", "shopping bag"),
    "umbrella": ("umbrella", "umbrellas", "parasol"),
    "mug": ("mug", "mugs", "cup", "coffee mug"),
    "teapot": ("teapot", "teapots", "tea pot"),
    "bottle": ("bottle", "flask", "bottles", "water bottle"),
    "vase": ("vase", "vases"),
    "lamp": ("lamp", "lamps", "table lamp"),
    "cushion": ("cushion", "cushions", "pillow"),
    "armchair": ("armchair", "armchairs", "easy chair"),
    "chair": ("chair", "chairs", "dining chair"),
    "clock": ("clock", "clocks", "wall clock"),
}
_COLOURS: Mapping[str, tuple[str, ...]] = {
    "grey": ("grey", "gray"),
    "navy blue": ("navy blue", "navy", "dark blue"),
    "beige": ("beige", "sand coloured"),
    "gold": ("gold", "golden"),
    "silver": ("silver", "silvery"),
    "multi": ("multicoloured", "multicolored", "colourful", "multi"),
}
_PATTERNS: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "plain": ("plain", "", ("plain", "solid", "unpatterned", "plain")),
    "horizontal": ("striped", "horizontal", ("horizontally striped", "horizontal stripe")),
    "vertical": ("striped", "vertical", ("vertically striped", "vertical stripe", "pinstriped")),
    "diagonal": ("striped", "diagonal", ("diagonally striped", "diagonal stripe")),
    "dots": ("dotted", "", ("dotted", "polka dot", "spotted", "polka-dotted")),
    "checks": ("checked", "", ("checked", "plaid", "gingham", "chequered", "checkered")),
    "zigzag": ("zigzag", "", ("zigzag", "chevron", "zig-zag")),
    "gradient": ("gradient", "", ("gradient", "ombre", "two-tone")),
    "diamonds": ("argyle", "", ("argyle", "diamond", "diamond patterned")),
    "flowers": ("floral", "", ("floral", "flowery", "flower print", "flowered")),
}
_STRIPED = ("striped", "stripy", "stripes")
_MATERIALS: Mapping[str, tuple[str, ...]] = {
    "matte": ("matte",),
    "glossy": ("glossy", "shiny", "polished"),
    "knitted": ("knitted", "knit", "woollen"),
    "woven": ("woven", "linen", "canvas"),
    "wooden": ("wooden", "wood"),
    "metallic": ("metallic", "metal", "steel"),
    "pebbled": ("leather", "grained", "pebbled"),
}
_GENDERS: Mapping[str, tuple[str, ...]] = {
    "men": ("men", "a man", "him"),
    "women": ("women", "a woman", "her", "ladies"),
    "boys": ("boys", "kids", "a boy"),
    "girls": ("girls", "kids", "a girl"),
    "unisex": ("everyone", "men and women"),
}


@dataclass(frozen=True, slots=True)
class Attributes:
    """What is known of one picture: a canonical value per axis, and the forms of its noun."""

    values: Mapping[str, str]
    forms: tuple[str, ...] = ()
    pattern: str = ""
    """The drawn pattern, finer than the axis."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """A text and the axes that it asks for; none: it describes its picture alone."""

    text: str
    axes: tuple[str, ...]


def noun(name: str) -> tuple[str, ...]:
    """Return the canonical form and the forms in use of what a source calls a thing."""
    return _NOUNS.get(name, (name.lower().replace("-", " "),))


def colour(name: str) -> str:
    """Return the canonical form of a colour; nothing for what is none."""
    return "" if name == "NA" else name.lower()


def describe(attributes: Attributes, rng: random.Random) -> Phrase:
    """Write one of the many texts that are right for a picture of these attributes."""
    values, words, axes = attributes.values, [], []
    if "colour" in values and rng.random() < 0.6:
        axes.append("colour")
        words.append(rng.choice(_COLOURS.get(values["colour"], (values["colour"],))))
    if attributes.pattern and rng.random() < 0.5:
        _, direction, forms = _PATTERNS[attributes.pattern]
        axes.append("pattern")
        if direction and rng.random() < 0.6:
            words.append(rng.choice(_STRIPED))
        else:
            axes += ["direction"] if direction else []
            words.append(rng.choice(forms))
    if "material" in values and rng.random() < 0.25:
        axes.append("material")
        words.append(rng.choice(_MATERIALS[values["material"]]))
    rng.shuffle(words)  # "red striped" and "striped red"
    named = not words or rng.random() < 0.75
    if "family" in values and rng.random() < 0.25:
        axes.append("family")
        words.append(values["family"])
    elif named:
        axes.append("noun")
        words.append(rng.choice(attributes.forms))
    else:
        words.append(rng.choice(("item", "thing", "one", "product")))
        if rng.random() < 0.4:
            words = ["something", *words[:-1]]
    text = " ".join(words)
    if "gender" in values and named and rng.random() < 0.15:
        axes.append("gender")
        text += f" for {rng.choice(_GENDERS.get(values['gender'], (values['gender'],)))}"
    if rng.random() < 0.3 and words[0] != "something":
        text = ("an " if text[0] in "aeio" else "a ") + text
    return Phrase(rng.choice(TEMPLATES).format(text), tuple(axes))


def drawn(kind: str, shade: str, pattern: str, material: str) -> Attributes:
    """Return the attributes of a drawn product."""
    general, direction, _ = _PATTERNS[pattern]
    forms = noun(kind)
    values = {"noun": forms[0], "colour": shade, "pattern": general, "material": material}
    if direction:
        values["direction"] = direction
    return Attributes(values, forms, pattern)
