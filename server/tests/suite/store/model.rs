//! A state beside the database that remembers how to undo itself, and the property that both always say the same.

use std::collections::BTreeMap;

use aq_server::store::{State, StoreError, Tx, Writer, settings};
use futures_util::future::join_all;
use proptest::prelude::*;

use super::backend::Home;

/// Numbers by name, the same that are kept as settings.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    pub(super) values: BTreeMap<String, i64>,
    /// What to put back, newest last: since the last durable commit, and where the present command began.
    undo: Vec<(String, Option<i64>)>,
    command: usize,
}

impl Numbers {
    pub(super) fn set(&mut self, name: &str, value: i64) {
        let before = self.values.insert(name.to_owned(), value);
        self.undo.push((name.to_owned(), before));
    }

    fn take_back(&mut self, to: usize) {
        for (name, before) in self.undo.drain(to..).rev() {
            match before {
                Some(value) => self.values.insert(name, value),
                None => self.values.remove(&name),
            };
        }
    }
}

impl State for Numbers {
    type Fact = (String, i64);

    fn begin(&mut self) {
        self.command = self.undo.len();
    }

    fn undo(&mut self) {
        self.take_back(self.command);
    }

    fn keep(&mut self) {
        self.command = self.undo.len();
    }

    fn place(&self) -> usize {
        self.undo.len()
    }

    fn undo_to(&mut self, place: usize) {
        self.take_back(place);
    }

    fn undo_batch(&mut self) {
        self.take_back(0);
        self.command = 0;
    }

    fn settle(&mut self) {
        self.undo.clear();
        self.command = 0;
    }
}

/// Adds to a number in both places and announces the new value.
pub(super) fn add(tx: &mut Tx<'_, Numbers>, name: &str, value: i64) -> Result<i64, StoreError> {
    let sum = tx.state.values.get(name).copied().unwrap_or(0) + value;
    settings::set(tx.db, name, &sum.to_string())?;
    tx.state.set(name, sum);
    tx.announce((name.to_owned(), sum));
    Ok(sum)
}

/// How a command ends.
#[derive(Clone, Copy, Debug)]
enum End {
    /// Well.
    Keep,
    /// With an error, after it wrote.
    Fail,
    /// Well, but what it wrote cannot be committed.
    Spoil,
}

fn commands() -> impl Strategy<Value = Vec<(u8, i64, End)>> {
    let end = prop_oneof![6 => Just(End::Keep), 2 => Just(End::Fail), 1 => Just(End::Spoil)];
    prop::collection::vec((0..4_u8, -5..6_i64, end), 1..24)
}

/// Writes an edge between tasks that do not exist; the database looks at it only when the batch is committed.
pub(super) fn spoil(tx: &mut Tx<'_, Numbers>) -> Result<(), StoreError> {
    tx.db.batch("PRAGMA defer_foreign_keys = ON; INSERT INTO task_dependencies VALUES (998, 999)")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Store R4, R5: whatever fails, state and database say the same, and only what was kept is there.
    #[test]
    fn state_and_database_agree_on_sqlite(commands in commands()) {
        let home = Home::sqlite();
        let (told, facts) = std::sync::mpsc::channel();
        let (writer, thread) = Writer::start(home.open(), Numbers::default(), move |batch| { told.send(batch).unwrap(); }).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let answers = runtime.block_on(join_all(commands.iter().map(|&(name, value, end)| {
            writer.submit(move |tx| {
                let sum = add(tx, &name.to_string(), value)?;
                match end {
                    End::Keep => Ok(sum),
                    End::Fail => Err(StoreError::Refused("asked for".to_owned())),
                    End::Spoil => spoil(tx).map(|()| sum),
                }
            })
        })));
        let state = runtime.block_on(writer.submit(|tx| Ok::<_, StoreError>(tx.state.values.clone()))).unwrap();
        writer.stop();
        thread.join();

        let mut expected: BTreeMap<String, i64> = BTreeMap::new();
        let mut announced = Vec::new();
        for (&(name, value, end), answer) in commands.iter().zip(answers) {
            prop_assert_eq!(answer.is_ok(), matches!(end, End::Keep));
            if let Ok(sum) = answer {
                *expected.entry(name.to_string()).or_default() += value;
                prop_assert_eq!(sum, expected[&name.to_string()]);
                announced.push((name.to_string(), sum));
            }
        }
        prop_assert_eq!(&state, &expected);
        prop_assert_eq!(facts.into_iter().flatten().collect::<Vec<_>>(), announced);
        let mut db = home.open();
        for name in 0..4_u8 {
            let stored = settings::get(&mut db, &name.to_string()).unwrap().map(|value| value.parse().unwrap());
            prop_assert_eq!(stored, expected.get(&name.to_string()).copied());
        }
        prop_assert_eq!(db.quick_check().unwrap(), Vec::<String>::new());
    }
}
