//! The work of the demonstration: what is asked of the agents. Scripts spend no tokens; a real agent is asked for the same in words.

use crate::args::DemoAgent;

/// A task of a diamond.
pub(super) struct Item {
    /// Names it within the call.
    pub(super) key: &'static str,
    /// What it waits for, by key.
    pub(super) after: &'static [&'static str],
    /// The title.
    pub(super) title: &'static str,
    /// What a real agent is asked for.
    pub(super) words: &'static str,
    /// What the scripted agent does instead.
    pub(super) script: &'static str,
}

/// A project of the demonstration.
pub(super) struct Project {
    /// The name.
    pub(super) name: &'static str,
    /// Its share.
    pub(super) weight: f64,
    /// A command that every task's work has to pass.
    pub(super) check: &'static str,
    /// Its tasks.
    pub(super) items: &'static [Item],
}

/// Two projects, each with a diamond: one task, two beside each other, one that waits for both.
pub(super) const PROJECTS: [Project; 2] = [
    Project {
        name: "Weather",
        weight: 2.0,
        check: "test -s README.md",
        items: &[
            Item {
                key: "model",
                after: &[],
                title: "Describe a reading",
                words: "Create the file reading.txt with one line that describes a weather reading: station, time, temperature. Commit it.",
                script: "say A reading needs a station, a time and a temperature.\nwrite reading.txt station, time, temperature\\n\nusage 900 120\ncommit describe a reading",
            },
            Item {
                key: "store",
                after: &["model"],
                title: "Keep readings",
                words: "Create the file store.txt saying in two lines how readings are kept. Commit it.",
                script: "think A file a day is enough.\nsleep 300\nwrite store.txt one file a day\\nolder than a year: removed\\n\nusage 1400 210\ncommit keep readings",
            },
            Item {
                key: "graph",
                after: &["model"],
                title: "Draw a day",
                words: "Create the file graph.txt with a small text graph of the temperatures of a day. Commit it.",
                script: "say A line of marks, coldest to warmest.\nsleep 200\nshell seq 1 8 | tr '\\n' '-' > graph.txt\nusage 1100 340\ncommit draw a day",
            },
            Item {
                key: "report",
                after: &["store", "graph"],
                title: "Write the report",
                words: "Create report.md that names the files of this repository and what each is for. Commit it.",
                script: "say Store and graph are here; now the report.\nwrite report.md # Weather\\n\\nreading.txt, store.txt and graph.txt make a day.\\n\nusage 1900 420\ndone The report names all three parts.",
            },
        ],
    },
    Project {
        name: "Kitchen",
        weight: 1.0,
        check: "test -s README.md",
        items: &[
            Item {
                key: "list",
                after: &[],
                title: "List the ingredients",
                words: "Create ingredients.txt with four ingredients of a soup, one a line. Commit it.",
                script: "say Four things make a soup.\nwrite ingredients.txt water\\nleek\\npotato\\nsalt\\n\nusage 700 90\ncommit list the ingredients",
            },
            Item {
                key: "cut",
                after: &["list"],
                title: "Cut the vegetables",
                words: "Create cut.txt with one line a vegetable of ingredients.txt, saying how to cut it. Commit it.",
                script: "sleep 250\nwrite cut.txt leek: rings\\npotato: cubes\\n\nusage 800 130\ncommit cut the vegetables",
            },
            Item {
                key: "boil",
                after: &["list"],
                title: "Boil the water",
                words: "Create boil.txt saying how much water, and for how long it boils. Commit it.",
                script: "think A litre, ten minutes.\nsleep 150\nwrite boil.txt one litre, ten minutes\\n\nusage 600 80\ncommit boil the water",
            },
            Item {
                key: "serve",
                after: &["cut", "boil"],
                title: "Serve the soup",
                words: "Create recipe.md that puts cut.txt and boil.txt together into a recipe. Commit it.",
                script: "say Everything is ready.\nwrite recipe.md # Soup\\n\\nBoil, add, wait, salt.\\n\nusage 1300 260\ndone The recipe is complete.",
            },
        ],
    },
];

impl Item {
    /// The description of the task for this kind of agent.
    pub(super) fn description(&self, agent: DemoAgent) -> String {
        match agent {
            DemoAgent::Scripted => format!("{}\n\n```aq-script\n{}\n```\n", self.words, self.script),
            DemoAgent::Claude => self.words.to_owned(),
        }
    }
}
