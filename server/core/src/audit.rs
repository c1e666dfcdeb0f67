//! The audit log: what a record says, its hash, and whether a row of records hangs together.
//!
//! When a record is written, and where it is kept, lives in the server.
//!
//! Spec: specs/server/audit.md

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};
use sha2::{Digest as _, Sha256};

use crate::principal::Principal;
use crate::time::Timestamp;

/// The name of the encoding; the first thing that a hash covers.
const ENCODING: &str = "agent-queue-audit-1";

/// A SHA-256 hash.
pub type Hash = [u8; 32];

/// Who did, or wanted to do, what a record tells. All texts, so that a row that somebody changed can still be read and named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Actor {
    /// The public part of the key; `local` for the server itself.
    pub key_id: String,
    /// What the key is for, in words.
    pub key_name: String,
    /// The role of the key.
    pub role: String,
    /// `key`, `person` (behind a gateway's or an administrator's key), `hook`, `run` or `server`.
    pub kind: String,
    /// The person that was acted for. Empty: none.
    pub person: String,
    /// The run whose agent acted. Empty: none.
    pub run: String,
}

impl From<&Principal> for Actor {
    fn from(principal: &Principal) -> Self {
        let kind = match (&principal.on_behalf_of, &principal.run) {
            (Some(_), _) if principal.is_hook() => "hook",
            (Some(_), _) => "person",
            (None, Some(_)) => "run",
            (None, None) if principal.key_id == Principal::server().key_id => "server",
            (None, None) => "key",
        };
        Self {
            key_id: principal.key_id.clone(),
            key_name: principal.key_name.clone(),
            role: principal.role.as_str().to_owned(),
            kind: kind.to_owned(),
            person: principal.on_behalf_of.clone().unwrap_or_default(),
            run: principal.run.as_ref().map(ToString::to_string).unwrap_or_default(),
        }
    }
}

/// What a record tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// When it happened.
    pub at: Timestamp,
    /// Who.
    pub actor: Actor,
    /// The path of the call; for what the server does by itself a word with `server:` before it.
    pub method: String,
    /// What it was about, each as `kind:id`. No line breaks.
    pub resources: Vec<String>,
    /// The project. Empty: none, or several.
    pub project: String,
    /// What was chosen, each as `field=value`: enumerations, switches, the kind of an answer. No free text, no line breaks.
    pub choices: Vec<String>,
    /// The `request_id` of the request. Empty: none.
    pub request_id: String,
    /// The id of the call in the server's log. Empty: the call was made inside the server.
    pub call_id: String,
    /// Where it came from: the peer on the socket or on TCP, or `inside`.
    pub origin: String,
    /// How it ended: `OK`, or the code of the refusal.
    pub code: String,
    /// Why it was refused, and what else is to be said. Empty: nothing.
    pub note: String,
}

/// A record in its place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Its number; the first record has 1.
    pub seq: u64,
    /// What it tells.
    pub entry: Entry,
    /// The hash of the record before it; zeros for the first.
    pub previous: Hash,
    /// Its own hash.
    pub hash: Hash,
}

/// A place in the log: a record's number and hash. Number 0 with zeros is the place before the first record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The number.
    pub seq: u64,
    /// The hash.
    pub hash: Hash,
}

impl Record {
    /// The record that tells `entry` behind `last`.
    #[must_use]
    pub fn behind(last: Place, entry: Entry) -> Self {
        let mut record = Self { seq: last.seq + 1, entry, previous: last.hash, hash: Hash::default() };
        record.hash = record.expected_hash();
        record
    }

    /// Its place.
    #[must_use]
    pub const fn place(&self) -> Place {
        Place { seq: self.seq, hash: self.hash }
    }

    /// The hash that its content has: SHA-256 over its fields as netstrings, in the order of the spec.
    #[must_use]
    pub fn expected_hash(&self) -> Hash {
        let (entry, actor) = (&self.entry, &self.entry.actor);
        let mut hasher = Sha256::new();
        let mut field = |text: &str| {
            hasher.update(text.len().to_string().as_bytes());
            hasher.update(b":");
            hasher.update(text.as_bytes());
            hasher.update(b",");
        };
        field(ENCODING);
        field(&hex(&self.previous));
        field(&self.seq.to_string());
        field(&entry.at.as_millis().to_string());
        for text in [&actor.key_id, &actor.key_name, &actor.role, &actor.kind, &actor.person, &actor.run, &entry.method] {
            field(text);
        }
        field(&entry.resources.join("\n"));
        field(&entry.project);
        field(&entry.choices.join("\n"));
        for text in [&entry.request_id, &entry.call_id, &entry.origin, &entry.code, &entry.note] {
            field(text);
        }
        hasher.finalize().into()
    }
}

/// A hash in hexadecimal digits.
#[must_use]
pub fn hex(hash: &Hash) -> String {
    HEXLOWER.encode(hash)
}

/// The hash of 64 hexadecimal digits; `None` for anything else.
#[must_use]
pub fn unhex(text: &str) -> Option<Hash> {
    HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok()?.try_into().ok()
}

/// Where a row of records breaks, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The first record that is not as it was written, or is not there.
    pub seq: u64,
    /// What is wrong with it, one sentence.
    pub problem: String,
}

impl Broken {
    fn new(seq: u64, problem: impl Into<String>) -> Self {
        Self { seq, problem: problem.into() }
    }
}

/// A walk along the log, from the place where it was cut to its newest record.
#[derive(Clone, Debug)]
pub struct Walk {
    last: Place,
    /// A place that somebody wrote down elsewhere.
    known: Option<Place>,
    count: u64,
}

impl Walk {
    /// Begins behind the last record that was removed because of its age; the default place is that of a log that was never cut.
    #[must_use]
    pub const fn behind(cut: Place, known: Option<Place>) -> Self {
        Self { last: cut, known, count: 0 }
    }

    /// The newest record so far.
    #[must_use]
    pub const fn place(&self) -> Place {
        self.last
    }

    /// How many records were found sound.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Looks at the next record.
    ///
    /// # Errors
    /// [`Broken`] names the first record that is missing, out of place or changed.
    pub fn take(&mut self, record: &Record) -> Result<(), Broken> {
        let wanted = self.last.seq + 1;
        if record.seq < wanted {
            return Err(Broken::new(record.seq, "is not in the order of the numbers"));
        }
        if record.seq > wanted {
            let problem = match record.seq - 1 {
                last if last == wanted => "was removed".to_owned(),
                last => format!("was removed, and so was what follows up to {last}"),
            };
            return Err(Broken::new(wanted, problem));
        }
        if record.hash != record.expected_hash() {
            return Err(Broken::new(record.seq, "was changed: its content does not have its hash"));
        }
        if record.previous != self.last.hash {
            return Err(Broken::new(record.seq, "does not follow the record before it: one of the two was written anew"));
        }
        self.last = record.place();
        self.count += 1;
        match self.known {
            Some(known) if known.seq == record.seq && known.hash != record.hash => {
                Err(Broken::new(record.seq, "is not the record that was known to be there: the log was written anew"))
            }
            _ => Ok(()),
        }
    }

    /// Ends the walk at the newest record that was written.
    ///
    /// # Errors
    /// [`Broken`] when records at the end are missing, or there are more than were written.
    pub fn end(&self, newest: Place) -> Result<(), Broken> {
        let known = self.known.map_or(newest.seq, |known| known.seq.max(newest.seq));
        if self.last.seq < known {
            return Err(Broken::new(self.last.seq + 1, format!("was removed from the end, and so was what follows up to {known}")));
        }
        if self.last.seq > newest.seq {
            return Err(Broken::new(newest.seq + 1, "was added at the end by somebody else"));
        }
        if self.last.hash != newest.hash {
            return Err(Broken::new(self.last.seq, "is not the newest record that was written: the log was written anew"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(count: u64) -> Vec<Record> {
        let mut last = Place::default();
        (1..=count)
            .map(|number| {
                let entry =
                    Entry { at: Timestamp::from_millis(1), method: format!("call {number}"), code: "OK".into(), ..Entry::default() };
                let record = Record::behind(last, entry);
                last = record.place();
                record
            })
            .collect()
    }

    fn walk(records: &[Record], newest: Place) -> Result<u64, Broken> {
        let mut walk = Walk::behind(Place::default(), None);
        records.iter().try_for_each(|record| walk.take(record))?;
        walk.end(newest).map(|()| walk.count())
    }

    /// audit R3: the encoding is the documented one; this hash was made by another program from the netstrings of the spec.
    #[test]
    fn the_encoding_is_fixed() {
        let entry = Entry {
            at: Timestamp::from_millis(1_700_000_000_000),
            actor: Actor { key_id: "k1".into(), key_name: "laptop".into(), role: "admin".into(), kind: "key".into(), ..Actor::default() },
            method: "/agentqueue.v1.TaskService/StopTask".into(),
            resources: vec!["task:swift-falcon".into(), "project:app".into()],
            project: "app".into(),
            origin: "unix uid=0".into(),
            code: "OK".into(),
            ..Entry::default()
        };
        let record = Record::behind(Place::default(), entry);
        assert_eq!(hex(&record.hash), "b1b6dabc1827faa256e022355ee3fd0bc4fdbc6e02f0bb8784b136fdb2bdb37f");
        assert_eq!(unhex(&hex(&record.hash)), Some(record.hash));
        for none in ["00".to_owned(), "x".repeat(64), "+f".repeat(32), "ü".repeat(32)] {
            assert_eq!(unhex(&none), None, "{none}");
        }
    }

    /// audit R6: each way of tampering is named at the first record that shows it.
    #[test]
    fn the_first_broken_record_is_named() {
        let sound = row(6);
        let newest = sound[5].place();
        assert_eq!(walk(&sound, newest), Ok(6));
        let broken = |records: &[Record]| walk(records, newest).unwrap_err();

        let mut changed = sound.clone();
        changed[2].entry.code = "PERMISSION_DENIED".into();
        assert_eq!(broken(&changed), Broken::new(3, "was changed: its content does not have its hash"));
        // Whoever makes a new hash as well breaks the record behind it.
        changed[2].hash = changed[2].expected_hash();
        assert_eq!(broken(&changed).seq, 4);

        let mut removed = sound.clone();
        removed.drain(2..4);
        assert_eq!(broken(&removed), Broken::new(3, "was removed, and so was what follows up to 4"));
        let (mut one, only) = (sound.clone(), Broken::new(3, "was removed"));
        one.remove(2);
        assert_eq!(broken(&one), only);
        assert_eq!(broken(&sound[..4]), Broken::new(5, "was removed from the end, and so was what follows up to 6"));

        let mut swapped = sound.clone();
        let (a, b) = (swapped[1].entry.clone(), swapped[2].entry.clone());
        (swapped[1].entry, swapped[2].entry) = (b, a);
        assert_eq!(broken(&swapped).seq, 2);
        let mut doubled = sound.clone();
        doubled.insert(2, sound[1].clone());
        assert_eq!(broken(&doubled), Broken::new(2, "is not in the order of the numbers"));

        let mut more = sound;
        more.push(Record::behind(newest, Entry::default()));
        assert_eq!(broken(&more), Broken::new(7, "was added at the end by somebody else"));
    }

    /// audit R6, R7: a log that was written anew as a whole hangs together, and is caught by a place that was written down elsewhere; a cut log goes on behind its
    /// cut.
    #[test]
    fn a_known_place_and_a_cut_hold() {
        let sound = row(4);
        let mut anew = row(4);
        anew[0] = Record::behind(Place::default(), Entry { method: "another".into(), ..Entry::default() });
        for at in 1..4 {
            anew[at] = Record::behind(anew[at - 1].place(), anew[at].entry.clone());
        }
        assert_eq!(walk(&anew, anew[3].place()), Ok(4));
        let mut known = Walk::behind(Place::default(), Some(sound[2].place()));
        let broken = anew.iter().try_for_each(|record| known.take(record)).unwrap_err();
        assert_eq!((broken.seq, broken.problem.contains("written anew")), (3, true));
        let short = Walk::behind(sound[1].place(), Some(sound[3].place()));
        assert_eq!(short.end(sound[1].place()).unwrap_err().seq, 3);

        let mut cut = Walk::behind(sound[1].place(), None);
        assert_eq!(sound[2..].iter().try_for_each(|record| cut.take(record)), Ok(()));
        assert_eq!((cut.end(sound[3].place()), cut.count(), cut.place()), (Ok(()), 2, sound[3].place()));
    }

    /// audit R2: who acted is told apart.
    #[test]
    fn actors_are_told_apart() {
        let mut principal = Principal::server();
        assert_eq!(Actor::from(&principal).kind, "server");
        principal.key_id = "k1".into();
        assert_eq!(Actor::from(&principal).kind, "key");
        principal.on_behalf_of = Some("hook:h1".into());
        assert_eq!(Actor::from(&principal).kind, "hook");
        principal.on_behalf_of = Some("discord:7".into());
        let actor = Actor::from(&principal);
        assert_eq!((actor.kind.as_str(), actor.person.as_str(), actor.role.as_str()), ("person", "discord:7", "admin"));
    }
}
