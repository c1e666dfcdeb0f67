//! A copy of the database, made while the server works, and put back when it does not.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use aq_proto::v1 as pb;
use aq_server::store::{open_copy, projects};

use super::place::Place;
use super::world::{Launched, Served};

const CONFIG: &str = "";

/// `aqd restore`.
fn restore(place: &Place, file: &Path) -> Output {
    let config = place.path().join("config.yaml");
    let mut aqd = Command::new(env!("CARGO_BIN_EXE_aqd"));
    aqd.arg("restore").arg(file).arg("--config").arg(config).arg("--home").arg(place.path().join("home")).output().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

async fn create(served: &Served, name: &str) {
    let request = pb::CreateProjectRequest { name: name.into(), ..Default::default() };
    served.admin.projects().create_project(request).await.unwrap();
}

fn sorted(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

async fn names(served: &Served) -> Vec<String> {
    let found = served.admin.projects().list_projects(pb::ListProjectsRequest::default()).await.unwrap().into_inner();
    sorted(found.projects.into_iter().map(|project| project.name))
}

fn within(file: &Path) -> Vec<String> {
    sorted(projects::all(&mut open_copy(file).unwrap()).unwrap().into_iter().map(|project| project.name))
}

/// The files of the home's database and its folder of copies.
fn state(place: &Place) -> Vec<(String, u64)> {
    let mut all = Vec::new();
    for folder in [place.path().join("home/db"), place.path().join("home/backups")] {
        for entry in std::fs::read_dir(folder).unwrap().flatten().filter(|entry| entry.file_name().to_string_lossy().contains(".db")) {
            all.push((entry.file_name().to_string_lossy().into_owned(), entry.metadata().unwrap().len()));
        }
    }
    all.sort();
    all
}

/// retention R10, R11: a copy is made while the server works, once for a request; it is put back while none does, and then everything is as it was; what was there before is
/// kept aside. What must not be put back changes nothing: rubbish, a database of others, one that is damaged or of a newer server, the database itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_put_back() {
    let served = Launched::on(Place::new(), CONFIG, &[]).serving().await;
    let place = Arc::clone(&served.process.folder);
    create(&served, "Before").await;
    let request = pb::CreateBackupRequest { request_id: "once".into() };
    let made = served.admin.admin().create_backup(request.clone()).await.unwrap().into_inner();
    let again = served.admin.admin().create_backup(request).await.unwrap().into_inner();
    assert_eq!(made, again);
    let copy = Path::new(&made.path).to_owned();
    assert_eq!((within(&copy), made.size_bytes), (vec!["Before".to_owned()], std::fs::metadata(&copy).unwrap().len()));
    create(&served, "After").await;
    let key = std::fs::read_to_string(place.path().join("home/admin.key")).unwrap();

    let refused = restore(&place, &copy);
    assert!(!refused.status.success() && said(&refused).contains("another aqd"), "{}", said(&refused));
    // Killed: the last that was written is not folded into the file.
    drop(served);
    let before = state(&place);
    let bad = |name: &str| place.path().join(name);
    std::fs::write(bad("rubbish"), "no database at all, however long it may be").unwrap();
    std::fs::copy(&copy, bad("damaged")).unwrap();
    let whole = std::fs::read(&copy).unwrap();
    let mut torn = whole.clone();
    torn[8192..whole.len() - 4096].fill(0x5a);
    std::fs::write(bad("damaged"), torn).unwrap();
    std::fs::write(bad("foreign"), "").unwrap();
    std::fs::write(bad("newer"), &whole).unwrap();
    open_copy(&bad("newer")).unwrap().batch("INSERT INTO __diesel_schema_migrations (version) VALUES ('29990101000000')").unwrap();
    let database = place.path().join("home/db/agent-queue.db");
    for (file, why) in [
        (bad("rubbish"), "cannot be put back"),
        (bad("damaged"), "cannot be put back"),
        (bad("foreign"), "no database of Agent Queue"),
        (bad("newer"), "newer"),
        (bad("missing"), "No such file"),
        (database, "it is the database itself"),
    ] {
        let refused = restore(&place, &file);
        assert!(!refused.status.success() && said(&refused).contains(why), "{}: {}", file.display(), said(&refused));
        assert_eq!(state(&place), before, "{}", file.display());
    }
    let served = Launched::on(Arc::clone(&place), CONFIG, &[]).serving().await;
    assert_eq!(names(&served).await, ["After", "Before"]);
    drop(served);

    let done = restore(&place, &copy);
    assert!(done.status.success() && said(&done).contains("what was there before: "), "{}", said(&done));
    let aside = said(&done).lines().find_map(|line| line.strip_prefix("what was there before: ").map(str::to_owned)).unwrap();
    assert_eq!(within(Path::new(&aside)), ["After", "Before"]);
    let served = Launched::on(Arc::clone(&place), CONFIG, &[]).serving().await;
    assert_eq!(names(&served).await, ["Before"]);
    assert_eq!(std::fs::read_to_string(place.path().join("home/admin.key")).unwrap(), key, "the copy knows the key");
    let findings = served.admin.admin().check_invariants(pb::CheckInvariantsRequest::default()).await.unwrap().into_inner().findings;
    assert!(findings.is_empty(), "{findings:?}");
    drop(served);

    // A key that the copy does not know locks nobody out.
    std::fs::write(place.path().join("home/admin.key"), "aq_unknown_0123456789abcdefABCDEFGH\n").unwrap();
    let done = restore(&place, &copy);
    assert!(done.status.success() && said(&done).contains("the next start makes a new one"), "{}", said(&done));
    let served = Launched::on(place, CONFIG, &[]).serving().await;
    assert_eq!(names(&served).await, ["Before"]);
}
