//! The word lists, as the original system has them (F-013, F-014).

pub(super) const ADJECTIVES: [&str; 28] = [
    "swift", "bright", "calm", "bold", "keen", "wise", "fair", "sharp", "clear", "eager", "fresh", "grand", "prime", "quick", "smart",
    "sound", "solid", "stark", "steady", "noble", "crisp", "fleet", "nimble", "brisk", "vivid", "agile", "amber", "azure",
];

pub(super) const NOUNS: [&str; 32] = [
    "falcon", "horizon", "cascade", "ember", "summit", "ridge", "beacon", "current", "delta", "forge", "glacier", "harbor", "impact",
    "journey", "lantern", "meadow", "nexus", "orbit", "pinnacle", "quest", "rapids", "stone", "torrent", "vault", "willow", "zenith",
    "apex", "bridge", "crest", "dune", "flare", "grove",
];

pub(super) const LEGENDARY: [&str; 36] = [
    "Atlas",
    "Athena",
    "Apollo",
    "Artemis",
    "Phoenix",
    "Orion",
    "Hermes",
    "Helios",
    "Icarus",
    "Titan",
    "Prometheus",
    "Odysseus",
    "Merlin",
    "Odin",
    "Loki",
    "Freya",
    "Thor",
    "Raven",
    "Sphinx",
    "Griffin",
    "Valkyrie",
    "Zephyr",
    "Midas",
    "Chronos",
    "Argus",
    "Clio",
    "Delphi",
    "Echo",
    "Iris",
    "Janus",
    "Minerva",
    "Oberon",
    "Puck",
    "Sage",
    "Triton",
    "Vesta",
];

pub(super) const ASTRONOMICAL: [&str; 30] = [
    "Nova",
    "Nebula",
    "Quasar",
    "Pulsar",
    "Cosmos",
    "Vega",
    "Sirius",
    "Rigel",
    "Lyra",
    "Castor",
    "Pollux",
    "Altair",
    "Andromeda",
    "Solaris",
    "Eclipse",
    "Aurora",
    "Comet",
    "Stellar",
    "Zenith",
    "Astra",
    "Celeste",
    "Orbit",
    "Lunar",
    "Equinox",
    "Parallax",
    "Perihelion",
    "Apogee",
    "Umbra",
    "Polaris",
    "Arcturus",
];

pub(super) const ELEMENT: [&str; 24] = [
    "Carbon", "Neon", "Argon", "Cobalt", "Copper", "Iron", "Chrome", "Silicon", "Titanium", "Zinc", "Nickel", "Bismuth", "Iridium",
    "Osmium", "Radium", "Cesium", "Indigo", "Obsidian", "Graphite", "Marble", "Jasper", "Amber", "Onyx", "Beryl",
];

pub(super) const NATURE: [&str; 24] = [
    "Cypress",
    "Aspen",
    "Cedar",
    "Willow",
    "Birch",
    "Juniper",
    "Sequoia",
    "Hawthorn",
    "Rowan",
    "Laurel",
    "Maple",
    "Briar",
    "Thistle",
    "Clover",
    "Fern",
    "Bramble",
    "Sorrel",
    "Yarrow",
    "Wren",
    "Falcon",
    "Osprey",
    "Sparrow",
    "Kestrel",
    "Peregrine",
];

pub(super) const TITLES: [&str; 20] = [
    "Agent",
    "Operative",
    "Sentinel",
    "Vanguard",
    "Pilot",
    "Scout",
    "Ranger",
    "Cipher",
    "Vector",
    "Proxy",
    "Arbiter",
    "Envoy",
    "Warden",
    "Nexus",
    "Conduit",
    "Catalyst",
    "Oracle",
    "Architect",
    "Marshal",
    "Pathfinder",
];

pub(super) const CODENAMES: [&str; 36] = [
    "Blaze", "Drift", "Flux", "Haze", "Bolt", "Prism", "Storm", "Frost", "Ember", "Wraith", "Shade", "Glyph", "Surge", "Crest", "Apex",
    "Forge", "Rune", "Spark", "Helix", "Shard", "Vortex", "Flint", "Ridge", "Quill", "Onyx", "Cobalt", "Thistle", "Dusk", "Torrent",
    "Basalt", "Moss", "Bramble", "Fable", "Lumen", "Gossamer", "Spire",
];

/// One word of a list; `below` draws a number below its argument.
pub(super) fn pick(words: &'static [&'static str], below: &mut impl FnMut(u64) -> u64) -> &'static str {
    let index = below(words.len() as u64) as usize;
    words.get(index).or(words.first()).copied().unwrap_or_default()
}

/// Numbers to hang on a name once plain names run out: two digits first, then one digit more every few tries, so that the number
/// of tries stays small however many names are taken.
pub(super) fn suffixes(below: &mut impl FnMut(u64) -> u64, mut take: impl FnMut(u64, &mut dyn FnMut(u64) -> u64) -> bool) -> bool {
    const TRIES: [u32; 17] = [10, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4];
    let mut least: u64 = 10;
    for tries in TRIES {
        for _ in 0..tries {
            let number = least + below(least * 9) % (least * 9);
            if take(number, below) {
                return true;
            }
        }
        least *= 10;
    }
    false
}
