//! A home that lies so deep that a socket in it would be longer than the kernel allows.

use aq_proto::client::discover;

use super::place::Place;
use super::world::Launched;

/// Longest path of a Unix socket on Linux.
const KERNEL_LIMIT: usize = 107;

/// Issue 2 (bad input), F-230: a home deeper than a socket's path may be is served all the same, on a short private path that clients find by the home
/// alone; an agent works in it, because the sockets of its runs are reached as well; and a second server on it is refused by name.
#[tokio::test(flavor = "multi_thread")]
async fn a_home_deeper_than_a_socket_is_served() {
    let base = tempfile::tempdir().unwrap();
    let deep = base.path().join("d".repeat(60)).join("e".repeat(60));
    std::fs::create_dir_all(&deep).unwrap();
    let folder = Place::below(&deep);
    let runtime = tempfile::tempdir().unwrap();
    let variables = [("XDG_RUNTIME_DIR", runtime.path().to_str().unwrap())];
    let served = Launched::on(folder.clone(), "agents:\n  sandbox: none\n", &variables).serving().await;
    let home = served.home();
    assert!(home.join("aqd.sock").as_os_str().len() > KERNEL_LIMIT);
    let endpoint = discover(&home).unwrap().endpoint.to_string();
    assert!(endpoint.len() <= KERNEL_LIMIT + "unix:".len() && !endpoint.contains(home.to_str().unwrap()), "{endpoint}");

    let project = served.project().await;
    let task = served.task(&project, "write deep.txt hello\ncommit Add it").await;
    served.told(&task, "task.completed").await;

    let mut second = Launched::on(folder, "agents:\n  sandbox: none\n", &variables);
    let refused = second.until("\"level\":\"ERROR\"").await;
    assert!(refused.contains(&served.process.child.id().to_string()), "{refused}");
}
