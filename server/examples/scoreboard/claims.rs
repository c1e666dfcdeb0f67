//! What we claim, and which program shows it. A claim without a program of the repository behind it has no place here.

/// A promise that a program shows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claim {
    /// Its name, on the command line and in the lines that programs print.
    pub(crate) id: &'static str,
    /// The promise.
    pub(crate) promise: &'static str,
    /// What shows it.
    pub(crate) shown_by: Program,
}

/// What shows a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Program {
    /// Tests: those of a program whose names hold the filter.
    Tests {
        /// The folder of its package, and its name.
        of: (&'static str, &'static str),
        /// The filter.
        filter: &'static str,
        /// The variable that says how much, with the quick and the long value.
        much: Option<(&'static str, &'static str, &'static str)>,
    },
    /// Tests of the server that need PostgreSQL, named by [`POSTGRES`]: the filter, and as above how much.
    OnPostgres(&'static str, (&'static str, &'static str, &'static str)),
    /// The kill loop, and the soak, with the arguments of the quick and of the long run. A machine that is too slow for many kills tells how far it came.
    Torture {
        /// Arguments of the quick run.
        quick: &'static str,
        /// Arguments of the long run.
        long: &'static str,
    },
    /// A table of the load program. It is measured optimised and on a quiet machine, so it belongs to the long run.
    Load(&'static str),
}

/// The tests of the server.
pub(crate) const SERVER: (&str, &str) = ("server", "suite");
/// The variable with the address of a PostgreSQL database that tests may use.
pub(crate) const POSTGRES: &str = "AQ_TEST_POSTGRES_URL";
/// The tests inside the gateway's program.
pub(crate) const GATEWAY: (&str, &str) = ("discord-gateway", "aq-discord");

const fn tests(filter: &'static str) -> Program {
    Program::Tests { of: SERVER, filter, much: None }
}

const fn many(filter: &'static str, variable: &'static str, quick: &'static str, long: &'static str) -> Program {
    Program::Tests { of: SERVER, filter, much: Some((variable, quick, long)) }
}

const fn runner(target: &'static str, filter: &'static str) -> Program {
    Program::Tests { of: ("server/runner", target), filter, much: None }
}

const fn mutated(of: (&'static str, &'static str), filter: &'static str) -> Program {
    Program::Tests { of, filter, much: Some(("AQ_FUZZ", "1", "1000")) }
}

const fn claim(id: &'static str, promise: &'static str, shown_by: Program) -> Claim {
    Claim { id, promise, shown_by }
}

/// Everything that is claimed, in the order of the table.
pub(crate) const CLAIMS: &[Claim] = &[
    claim(
        "server kills",
        "SIGKILL of the whole server with agents at work: nothing lost, doubled or stuck",
        Program::Torture { quick: "--kills 200 --minutes 12", long: "--kills 2000" },
    ),
    claim(
        "mixed kills",
        "SIGKILL of server, shims and agents in any mix: nothing lost, doubled or stuck",
        Program::Torture { quick: "--also shims,agents --kills 60 --minutes 12", long: "--also shims,agents --kills 1000" },
    ),
    claim(
        "soak",
        "Agents at work while troubles of many kinds come: nothing lost, doubled or stuck, and the server does not grow",
        Program::Torture { quick: "--soak 2 --pause 4 --agents 6", long: "--soak 144" },
    ),
    claim(
        "store kills",
        "SIGKILL of what writes the database: every acknowledged command is there, whole",
        many("store::kill::nothing_acknowledged", "AQ_KILLS", "100", "3000"),
    ),
    claim(
        "power cuts",
        "Power lost at any write: every acknowledged command is there, and the database opens",
        many("store::power_cut", "AQ_IMAGES", "300", "5000"),
    ),
    claim(
        "errors at the n-th call",
        "A call of the database that fails (disk, locks, memory, rubbish), once or from then on: no false acknowledgement, no panic, no hang",
        many("store::nth_call", "AQ_EVERY_CALL", "0", "1"),
    ),
    claim(
        "migrations killed",
        "A migration killed at any write: no row lost, the next start finishes it, and no copy in part",
        many("store::migrate_kill", "AQ_EVERY_CALL", "0", "1"),
    ),
    claim(
        "hook kills",
        "SIGKILL between cause and ledger: every due time and event fires its hook once",
        many("store::hook_kill::every_due_time", "AQ_KILLS", "20", "500"),
    ),
    claim(
        "histories",
        "Commands, reports, kills and jumps of the clock in any order: the promises hold after every step, and nothing is stuck",
        many("simulator::histories", "AQ_HISTORIES", "2000", "100000"),
    ),
    claim(
        "histories lived again",
        "A history that is lived twice is told the same both times, event for event",
        many("simulator::a_seed_tells", "AQ_HISTORIES", "100", "10000"),
    ),
    claim(
        "histories told alike",
        "SQLite and PostgreSQL tell the same of the same history, event for event",
        Program::OnPostgres("simulator::histories_on_postgres_tell", ("AQ_HISTORIES", "50", "1000")),
    ),
    claim("week", "A week of work on throttled plans: what the windows offer becomes kept work", tests("week::whole_week")),
    claim("git disasters", "Whatever an agent leaves in its checkout, every byte can be reached afterwards", runner("git", "hundred::")),
    claim("hostile repositories", "Hooks, filters and settings planted in a repository run nothing", runner("git", "forty::forty")),
    claim("nobody left", "Agents that do not want to go leave no process behind, and no stranger is touched", runner("process", "nasty::")),
    claim(
        "canaries",
        "A secret that an agent knows takes no way out through the server, in none of its usual forms",
        tests("served::canaries"),
    ),
    claim(
        "escapes",
        "A contained agent reaches nothing of the server, of other runs, of its user or of the system",
        runner("process", "escapes::"),
    ),
    claim("attacks", "Hostile peers at the transport bring nothing down and keep nobody waiting", tests("served::attacks")),
    claim("authority", "Every call by every role, reach and state of a key is answered as its table says", tests("api::matrix")),
    claim(
        "requests of any shape",
        "Whatever bytes come as a request, the answer is about the request, and the rows keep their promises",
        mutated(SERVER, "requests_of"),
    ),
    claim(
        "plans of any shape",
        "Whatever an agent writes as a plan is read within its bounds",
        mutated(("server/core", "fuzz"), "plans_of"),
    ),
    claim(
        "small texts of any shape",
        "Ids, hours and places of keys are read back the same or refused",
        mutated(("server/core", "fuzz"), "small_texts"),
    ),
    claim(
        "schedules of any shape",
        "A calendar pattern gives no due time twice, or is refused",
        mutated(("server/core", "fuzz"), "schedules_of"),
    ),
    claim(
        "output of any shape",
        "Whatever an agent prints is read, and a restart in the middle changes nothing",
        mutated(("server/runner", "fuzz"), "output_of"),
    ),
    claim("states of any shape", "A damaged state of a run is refused or taken", mutated(("server/runner", "fuzz"), "states_of")),
    claim(
        "spools of any shape",
        "A damaged spool is read to its end, and nothing is made up",
        mutated(("server/runner", "fuzz"), "spools_of"),
    ),
    claim(
        "secrets of any shape",
        "A secret is never shown, whatever stands around it and in whatever pieces it comes",
        mutated(("server/runner", "fuzz"), "secrets_of"),
    ),
    claim(
        "configuration of any shape",
        "Any text is read as a configuration or refused with every problem",
        mutated(SERVER, "config_text"),
    ),
    claim(
        "messages of any shape",
        "Whatever an agent writes reaches Discord in pieces that fit, rings nobody and leaves no code block",
        mutated(GATEWAY, "text::fuzz::"),
    ),
    claim(
        "events of any shape",
        "Whatever Discord sends is read or passed over, and gives nobody a right that the lists do not",
        mutated(GATEWAY, "discord::fuzz::"),
    ),
    claim("create, 64 in flight", "Tasks created through the API, each durable, beside bare calls", Program::Load("create")),
    claim(
        "lifecycles, 4 agents, 1000000 READY",
        "Lifecycles beside a bare loop that writes the same rows, 4 agents, 1 M tasks waiting",
        Program::Load("lifecycle"),
    ),
    claim("lifecycles, 64 agents, 1000000 READY", "The same with 64 agents", Program::Load("lifecycle")),
    claim("READY to claimed, both seen by a client, p99", "From READY to claimed", Program::Load("latency")),
    claim("create called to process started, workspace prepared, p99", "From the call to the agent's process", Program::Load("latency")),
    claim("one decision, 1000000 READY, 4 idle agents", "One scheduling decision among 1 M tasks", Program::Load("decide")),
    claim("one completion frees 10,000 tasks", "One completion frees 10,000 tasks, durably", Program::Load("decide")),
    claim(
        "resident memory of the server meanwhile",
        "1,000 followers of 100 runs, 300 of whom do not read: nothing lost, and memory",
        Program::Load("streams"),
    ),
    claim("resident memory, an empty server", "Memory of an empty server", Program::Load("light")),
    claim("resident memory, 1000000 READY tasks", "Memory with 1 M tasks waiting", Program::Load("light")),
    claim("idle, 100000 READY tasks", "A server with 100,000 tasks and nothing to do", Program::Load("light")),
    claim("ready after a kill, 100000 READY tasks", "Ready after SIGKILL with 100,000 tasks", Program::Load("light")),
];
