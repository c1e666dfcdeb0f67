//! What the server's agents are checked for: that there are some, that none has a fault, and that the programs they are told to run are there.

use std::path::{Path, PathBuf};

use aq_proto::client::Connection;
use aq_proto::v1::{Agent, ListAgentsRequest};
use tonic::Code;

use crate::error::CliError;
use crate::local::program;
use crate::render::finding::{Check, Verdict};

/// The checks. `folders`: where programs are looked for; `None` when the server runs elsewhere, where nothing can be looked for.
pub(super) async fn checks(connection: &Connection, folders: Option<&[PathBuf]>) -> Result<Vec<Check>, CliError> {
    let mut request = ListAgentsRequest { page_size: 200, ..Default::default() };
    let mut all = Vec::new();
    loop {
        let page = match connection.agents().list_agents(request.clone()).await {
            Ok(page) => page.into_inner(),
            // A key that may not look at agents has nothing to say of them.
            Err(status) if status.code() == Code::PermissionDenied => return Ok(Vec::new()),
            Err(status) => return Err(status.into()),
        };
        all.extend(page.agents);
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            return Ok(judge(&all, folders));
        }
    }
}

/// A line for each agent that cannot work, or one for all.
fn judge(agents: &[Agent], folders: Option<&[PathBuf]>) -> Vec<Check> {
    if agents.is_empty() {
        return vec![Check::new("agents", Verdict::Warning, "there are none").hint("create one with: aqctl agent create --runtime claude")];
    }
    let told: Vec<Check> = agents.iter().filter_map(|agent| judge_one(agent, folders)).collect();
    if told.is_empty() { vec![Check::new("agents", Verdict::Ok, format!("nothing is wrong with any of {}", agents.len()))] } else { told }
}

fn judge_one(agent: &Agent, folders: Option<&[PathBuf]>) -> Option<Check> {
    let id = &agent.id;
    if !agent.error.is_empty() {
        return Some(
            Check::new("agents", Verdict::Warning, format!("{id} cannot work: {}", agent.error)).hint(format!("aqctl agent resume {id}")),
        );
    }
    let command = agent.profile.as_ref().and_then(|profile| profile.command.first())?;
    let there = folders.is_none_or(|folders| is_there(command, folders));
    (!there).then(|| {
        Check::new("agents", Verdict::Warning, format!("{id} runs {command}, which is not there"))
            .hint(format!("install it, or name another: aqctl agent edit {id} -- PROGRAM"))
    })
}

/// True for a program that can be found: by its path, or on `PATH`. A path that begins in the work directory of a run cannot be looked at before there is one.
fn is_there(command: &str, folders: &[PathBuf]) -> bool {
    let path = Path::new(command);
    match (path.is_absolute(), command.contains('/')) {
        (true, _) => program::is_executable(path),
        (false, true) => true,
        (false, false) => program::find_in(command, folders).is_some(),
    }
}

#[cfg(test)]
mod tests {
    use aq_proto::v1::RuntimeProfile;

    use super::*;

    /// server-control R7: faults and missing programs are told with what to do; programs of another machine are not judged.
    #[test]
    fn agents_that_cannot_work_are_told() {
        let says = |agents: &[Agent], folders: Option<&[PathBuf]>| {
            judge(agents, folders).into_iter().map(|check| (check.verdict, check.message, check.hint)).collect::<Vec<_>>()
        };
        assert!(says(&[], None)[0].2.contains("aqctl agent create"));
        let works = Agent { id: "nova".into(), ..Agent::default() };
        let faulty = Agent { id: "max".into(), error: "Not logged in (auth)".into(), ..Agent::default() };
        let profile = RuntimeProfile { command: vec!["/nowhere/claude".into()], ..RuntimeProfile::default() };
        let misled = Agent { id: "lab".into(), profile: Some(profile), ..Agent::default() };
        assert_eq!(says(std::slice::from_ref(&works), None), [(Verdict::Ok, "nothing is wrong with any of 1".into(), String::new())]);
        let told = says(&[works.clone(), faulty, misled.clone()], Some(&[]));
        assert_eq!(told[0], (Verdict::Warning, "max cannot work: Not logged in (auth)".into(), "aqctl agent resume max".into()));
        assert_eq!((told[1].0, told[1].1.as_str(), told.len()), (Verdict::Warning, "lab runs /nowhere/claude, which is not there", 2));
        assert_eq!(says(&[works, misled], None)[0].0, Verdict::Ok);
        let of = |command: &str| {
            let profile = RuntimeProfile { command: vec![command.to_owned()], ..RuntimeProfile::default() };
            says(&[Agent { profile: Some(profile), ..Agent::default() }], Some(&["/bin".into()]))[0].0
        };
        assert_eq!(
            [of("sh"), of("/bin/sh"), of("./tool.sh"), of("no-such-tool")],
            [Verdict::Ok, Verdict::Ok, Verdict::Ok, Verdict::Warning]
        );
    }
}
