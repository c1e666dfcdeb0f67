//! Agents that print more than anybody reads: a flood of lines, and one line without an end.

use aq_proto::resume::{ResumeOptions, stream_run_output};
use aq_proto::v1 as pb;
use pb::output_item::Body;
use pb::stream_run_output_response::Event;

use super::world::Served;

const CONFIG: &str = "agents:\n  sandbox: none\n";

/// What the run of a program printed, as the stream tells it from the beginning to its end.
async fn printed(served: &Served, project: &str, program: &str) -> Vec<Body> {
    let profile = pb::RuntimeProfile { command: vec!["/bin/sh".into(), "-c".into(), program.into()], ..Default::default() };
    let agent = pb::CreateAgentRequest { runtime: pb::Runtime::Command.into(), profile: Some(profile), ..Default::default() };
    served.admin.agents().create_agent(agent).await.unwrap();
    let request = pb::CreateTaskRequest {
        project_id: project.into(),
        title: "print".into(),
        runtime: pb::Runtime::Command.into(),
        ..Default::default()
    };
    let task = served.admin.tasks().create_task(request).await.unwrap().into_inner().id;
    served.told(&task, "task.completed").await;
    let request = pb::StreamRunOutputRequest { task_id: task, first_run_number: 1, ..Default::default() };
    let mut stream = stream_run_output(served.admin.runs(), request, ResumeOptions::default());
    let mut bodies = Vec::new();
    while let Some(message) = stream.next().await {
        match message.unwrap().event {
            Some(Event::Item(item)) => bodies.extend(item.body),
            Some(Event::Gap(gap)) => panic!("{gap:?}"),
            _ => {}
        }
    }
    bodies
}

fn lines(bodies: &[Body]) -> impl Iterator<Item = &pb::output_item::Line> {
    bodies.iter().filter_map(|body| if let Body::Line(line) = body { Some(line) } else { None })
}

/// Bad input (a flood), events R11, R16: every line of a flood is kept in its order and read back to the end, half a million pieces too.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_is_kept_and_read_to_its_end() {
    let served = Served::start(CONFIG).await;
    let project = served.project().await;
    // 64 MiB in numbered lines of 128 bytes.
    let program = "seq -f '%0127.0f' 1 524288; echo the end";
    let bodies = printed(&served, &project, program).await;
    let mut next = 1;
    for line in lines(&bodies).filter(|line| line.text != "the end") {
        assert_eq!(line.text.parse(), Ok(next));
        next += 1;
    }
    assert_eq!(next, 524_289);
    assert_eq!(lines(&bodies).last().unwrap().text, "the end");
}

/// Bad input (a line of 100 MiB), spool R4, runtimes R6: its beginning is shown, the rest is counted and told with a reason, and what follows is there.
#[tokio::test(flavor = "multi_thread")]
async fn a_line_without_an_end_is_cut_and_its_rest_is_told() {
    let served = Served::start(CONFIG).await;
    let project = served.project().await;
    let size = 100 * 1024 * 1024_u64;
    let bodies = printed(&served, &project, &format!("head -c {size} /dev/zero | tr '\\0' x; echo; echo after")).await;
    let place = bodies.iter().position(|body| matches!(body, Body::Line(line) if line.truncated)).unwrap();
    let [Body::Line(cut), Body::Gap(gap), Body::Line(after), ..] = &bodies[place..] else { panic!("{:?}", bodies.len()) };
    assert!(cut.text.starts_with("xxxx") && cut.text.ends_with("x […]") && cut.text.len() <= 256 * 1024);
    let shown = cut.text.bytes().filter(|byte| *byte == b'x').count() as u64;
    assert_eq!(shown + gap.bytes, size);
    assert_eq!(gap.reason, "the line was too long to be kept whole");
    assert_eq!(after.text, "after");
}
