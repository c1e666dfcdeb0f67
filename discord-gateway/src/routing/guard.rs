//! Whether a message is for us: the guards in their order (F-196), and what it says without our name.

/// What is known of a message when it comes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Heard {
    /// We wrote it ourselves.
    pub(crate) own: bool,
    /// It is a message of a person or a bot, not one of Discord about a thread or a pin.
    pub(crate) ordinary: bool,
    /// Its author may do something here.
    pub(crate) authorised: bool,
    /// It came before.
    pub(crate) duplicate: bool,
    /// It was written before this gateway was first there.
    pub(crate) before_boot: bool,
    /// It names us.
    pub(crate) mentioned: bool,
    /// Only messages that name us are answered in project channels.
    pub(crate) mention_wanted: bool,
}

/// Where a message was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// The global channel.
    Global,
    /// A channel of a project.
    Project(String),
    /// The thread with the notes of a project.
    Notes(String),
    /// The thread of a run.
    Run {
        /// The task.
        task: String,
        /// The number of the run.
        run: u32,
    },
    /// Anywhere else.
    Elsewhere,
}

/// What becomes of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing; silently.
    Ignore(&'static str),
    /// It goes to the agent of a run.
    ToAgent,
    /// It is answered.
    Chat,
}

/// The guards, in their order. Whether an id came before is asked by `duplicate` only behind the guards that come before it, so that a
/// message that is ignored for its author is not remembered.
pub(crate) fn judge(heard: Heard, place: &Place, duplicate: impl FnOnce() -> bool) -> Verdict {
    if heard.own {
        return Verdict::Ignore("own");
    }
    if !heard.ordinary {
        return Verdict::Ignore("system");
    }
    if !heard.authorised {
        return Verdict::Ignore("unauthorised");
    }
    if heard.duplicate || duplicate() {
        return Verdict::Ignore("duplicate");
    }
    if heard.before_boot {
        return Verdict::Ignore("before boot");
    }
    match place {
        Place::Run { .. } => Verdict::ToAgent,
        Place::Elsewhere if !heard.mentioned => Verdict::Ignore("elsewhere"),
        Place::Project(_) if heard.mention_wanted && !heard.mentioned => Verdict::Ignore("not named"),
        _ => Verdict::Chat,
    }
}

/// A text without our name (F-201).
pub(crate) fn stripped(text: &str, bot: u64) -> String {
    text.replace(&format!("<@{bot}>"), "").replace(&format!("<@!{bot}>"), "").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F-195, F-196, F-199, F-200, D-99: each guard stops what it is for, and an earlier guard wins over a later one.
    #[test]
    fn guards_stand_in_their_order() {
        let good = Heard { ordinary: true, authorised: true, ..Heard::default() };
        let app = Place::Project("app".to_owned());
        let run = Place::Run { task: "t".to_owned(), run: 1 };
        let all = Heard { own: true, ordinary: false, authorised: false, duplicate: true, before_boot: true, ..good };
        for (heard, place, verdict) in [
            (good, &Place::Global, Verdict::Chat),
            (good, &app, Verdict::Chat),
            (good, &run, Verdict::ToAgent),
            (good, &Place::Notes("app".to_owned()), Verdict::Chat),
            (Heard { mention_wanted: true, ..good }, &Place::Notes("app".to_owned()), Verdict::Chat),
            (good, &Place::Elsewhere, Verdict::Ignore("elsewhere")),
            (Heard { mentioned: true, ..good }, &Place::Elsewhere, Verdict::Chat),
            (Heard { mention_wanted: true, ..good }, &app, Verdict::Ignore("not named")),
            (Heard { mention_wanted: true, mentioned: true, ..good }, &app, Verdict::Chat),
            (all, &app, Verdict::Ignore("own")),
            (Heard { own: false, ..all }, &app, Verdict::Ignore("system")),
            (Heard { own: false, ordinary: true, ..all }, &app, Verdict::Ignore("unauthorised")),
            (Heard { own: false, ordinary: true, authorised: true, ..all }, &app, Verdict::Ignore("duplicate")),
            (Heard { before_boot: true, ..good }, &app, Verdict::Ignore("before boot")),
        ] {
            assert_eq!(judge(heard, place, || false), verdict, "{heard:?} {place:?}");
        }
        assert_eq!(judge(good, &app, || true), Verdict::Ignore("duplicate"));
        judge(Heard { authorised: false, ..good }, &app, || unreachable!("a stranger's message is not remembered"));
    }

    /// F-201: our name goes, the rest stays.
    #[test]
    fn our_name_is_removed() {
        assert_eq!(stripped(" <@5> hi <@!5> <@6>", 5), "hi  <@6>");
        assert_eq!(stripped("<@5>", 5), "");
    }
}
