//! Channels and projects, both ways in constant time (F-191 to F-193).

use std::collections::{BTreeMap, HashMap};

/// The channels of a project.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Links {
    /// Where notices go, and what is written is answered.
    pub(crate) main: Option<u64>,
    /// Where what is written is answered too. `None`: only there.
    pub(crate) control: Option<u64>,
}

/// What is known of channels.
#[derive(Clone, Debug, Default)]
pub(crate) struct Channels {
    /// The channel of everything that has none of its own.
    pub(crate) global: Option<u64>,
    projects: BTreeMap<String, Links>,
    reverse: HashMap<u64, String>,
}

impl Channels {
    /// Links a project to a channel, or to none; the channel it had before is free again.
    pub(crate) fn link(&mut self, project: &str, channel: Option<u64>) {
        let control = self.projects.get(project).and_then(|links| links.control);
        self.replace(project, Links { main: channel, control });
    }

    /// Sets the channel that a project is controlled from beside its own.
    pub(crate) fn link_control(&mut self, project: &str, channel: Option<u64>) {
        let main = self.projects.get(project).and_then(|links| links.main);
        self.replace(project, Links { main, control: channel });
    }

    fn replace(&mut self, project: &str, links: Links) {
        self.clear(project);
        for channel in [links.main, links.control].into_iter().flatten() {
            // Two projects cannot own one channel: the newer link wins, whole.
            if let Some(other) = self.reverse.insert(channel, project.to_owned())
                && let Some(theirs) = self.projects.get_mut(&other)
                && other != project
            {
                theirs.main = theirs.main.filter(|id| *id != channel);
                theirs.control = theirs.control.filter(|id| *id != channel);
            }
        }
        if links != Links::default() {
            self.projects.insert(project.to_owned(), links);
        }
    }

    /// Forgets a project; one that is not known changes nothing. Returns the channels it had.
    pub(crate) fn clear(&mut self, project: &str) -> Vec<u64> {
        let Some(links) = self.projects.remove(project) else { return Vec::new() };
        let mut gone: Vec<u64> = [links.main, links.control].into_iter().flatten().collect();
        gone.dedup();
        for channel in &gone {
            if self.reverse.get(channel).is_some_and(|owner| owner == project) {
                self.reverse.remove(channel);
            }
        }
        gone
    }

    /// The project of a channel.
    pub(crate) fn project(&self, channel: u64) -> Option<&str> {
        self.reverse.get(&channel).map(String::as_str)
    }

    /// The channels of a project.
    pub(crate) fn links(&self, project: &str) -> Option<&Links> {
        self.projects.get(project)
    }

    /// Where notices of a project go, and whether that is the global channel: then they name the project (F-194).
    pub(crate) fn notices(&self, project: &str) -> Option<(u64, bool)> {
        let own = self.projects.get(project).and_then(|links| links.main);
        match own {
            Some(channel) => Some((channel, false)),
            None => self.global.map(|channel| (channel, true)),
        }
    }

    /// Every project with its channels.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &Links)> {
        self.projects.iter().map(|(project, links)| (project.as_str(), links))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// F-191, F-192, F-193: reassigning drops the old way back, the same channel keeps it, clearing an unknown project does nothing.
    #[test]
    fn links_go_both_ways() {
        let mut channels = Channels { global: Some(1), ..Channels::default() };
        channels.link("app", Some(10));
        channels.link("app", Some(10));
        assert_eq!(channels.project(10), Some("app"));
        channels.link("app", Some(11));
        assert_eq!((channels.project(10), channels.project(11)), (None, Some("app")));
        channels.link_control("app", Some(12));
        assert_eq!((channels.project(11), channels.project(12)), (Some("app"), Some("app")));
        channels.link("web", Some(20));
        assert_eq!(channels.clear("nobody"), Vec::<u64>::new());
        assert_eq!(channels.clear("app"), [11, 12]);
        assert_eq!((channels.project(11), channels.project(12), channels.project(20)), (None, None, Some("web")));
        assert_eq!(channels.project(99), None);
    }

    /// F-194: the project's channel, else the global one with the project's name.
    #[test]
    fn notices_find_their_channel() {
        let mut channels = Channels::default();
        assert_eq!(channels.notices("app"), None);
        channels.global = Some(1);
        assert_eq!(channels.notices("app"), Some((1, true)));
        channels.link("app", Some(10));
        assert_eq!(channels.notices("app"), Some((10, false)));
    }

    proptest! {
        /// Routing R2: whatever is linked and cleared, the way back leads exactly where the way there comes from.
        #[test]
        fn both_ways_agree(steps in prop::collection::vec((0u8..3, 0usize..4, 0u64..5), 0..40)) {
            let mut channels = Channels::default();
            for (what, project, channel) in steps {
                let project = ["a", "b", "c", "d"][project];
                let channel = (channel > 0).then_some(channel);
                match what {
                    0 => channels.link(project, channel),
                    1 => channels.link_control(project, channel),
                    _ => drop(channels.clear(project)),
                }
            }
            let mut forward: Vec<(u64, String)> = channels
                .all()
                .flat_map(|(project, links)| [links.main, links.control].into_iter().flatten().map(move |id| (id, project.to_owned())))
                .collect();
            forward.sort();
            forward.dedup();
            let mut back: Vec<(u64, String)> = channels.reverse.iter().map(|(id, project)| (*id, project.clone())).collect();
            back.sort();
            prop_assert_eq!(forward, back);
        }
    }
}
