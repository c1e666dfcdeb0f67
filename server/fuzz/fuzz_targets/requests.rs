//! Requests of the contract, to a server without a transport. What one request does, the next one finds; the server begins anew after some hundred.

#![no_main]

use std::cell::RefCell;

#[path = "../../tests/suite/api/fixture.rs"]
#[expect(dead_code, reason = "a target needs a part of what tests need")]
mod fixture;
#[path = "../../tests/suite/harness.rs"]
#[expect(dead_code, reason = "a target needs a part of what tests need")]
mod harness;
#[path = "../../tests/suite/api/raw.rs"]
mod raw;
#[path = "../../tests/suite/api/requests.rs"]
#[expect(dead_code, reason = "a target needs a part of what tests need")]
mod requests;

/// Requests to one server.
const MOST: usize = 300;

struct Asking {
    asked: requests::Asked,
    /// What was asked so far: an answer may be the fault of a request long before it.
    said: Vec<Vec<u8>>,
    runtime: tokio::runtime::Runtime,
}

impl Asking {
    fn begin() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let asked = runtime.block_on(requests::Asked::start());
        Self { asked, said: Vec::new(), runtime }
    }

    /// # Panics
    /// With everything that was asked, the last one last.
    fn expect(&self, outcome: Result<(), String>) {
        if let Err(wrong) = outcome {
            let said: Vec<String> = self.said.iter().map(|input| input.escape_ascii().to_string()).collect();
            panic!("{wrong}\nafter these requests:\n{}", said.join("\n"));
        }
    }
}

thread_local! {
    static ASKING: RefCell<Option<Asking>> = const { RefCell::new(None) };
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    ASKING.with_borrow_mut(|place| {
        let asking = place.get_or_insert_with(Asking::begin);
        asking.said.push(bytes.to_vec());
        asking.expect(asking.runtime.block_on(asking.asked.ask(bytes)));
        if asking.said.len().is_multiple_of(20) {
            asking.runtime.block_on(asking.asked.furnish());
        }
        if asking.said.len() == MOST {
            asking.expect(asking.runtime.block_on(asking.asked.check()));
            *place = None;
        }
    });
});
