"""A third-party client of agentqueue.v1, written from the proto files alone.

Starts a server in a directory of its own, creates a task whose agent prints numbered lines, follows its output while the server is killed
and started again, and checks that every line came exactly once. Then asks for a task that does not exist and decodes the error's details.

Usage: python_client.py --aqd PATH --stubs DIR --home DIR
"""

import argparse
import pathlib
import signal
import subprocess
import sys
import time
import uuid

LINES = 120
PROGRAM = f"i=0; while [ $i -lt {LINES} ]; do i=$((i+1)); echo numbered line $i; sleep 0.1; done"


def fail(text):
    sys.exit(f"python client: {text}")


class Server:
    """The server under test; killed for good when the block ends."""

    def __init__(self, program, home):
        self.program, self.home, self.process = program, home, None

    def start(self):
        (self.home / "endpoint").unlink(missing_ok=True)
        self.process = subprocess.Popen([self.program, "serve", "--home", str(self.home)], stdin=subprocess.DEVNULL)

    def kill(self):
        """SIGKILL, so that nothing can be tidied up."""
        self.process.kill()
        self.process.wait()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                self.kill()


def wait_for(what, condition, seconds=60):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    fail(f"{what}: not within {seconds} s")


def main():
    parser = argparse.ArgumentParser()
    for name in ("aqd", "stubs", "home"):
        parser.add_argument(f"--{name}", required=True)
    arguments = parser.parse_args()
    sys.path.insert(0, arguments.stubs)

    import grpc
    from agentqueue.v1 import agent_service_pb2, agent_service_pb2_grpc
    from agentqueue.v1 import common_pb2
    from agentqueue.v1 import project_service_pb2, project_service_pb2_grpc
    from agentqueue.v1 import run_service_pb2, run_service_pb2_grpc
    from agentqueue.v1 import task_service_pb2, task_service_pb2_grpc
    from agentqueue.v1 import workspace_pb2, workspace_service_pb2, workspace_service_pb2_grpc
    from google.rpc import error_details_pb2
    from grpc_status import rpc_status

    home = pathlib.Path(arguments.home)
    home.mkdir(parents=True, exist_ok=True)

    def endpoint():
        path = home / "endpoint"
        return path.read_text().strip() if path.exists() else None

    with Server(arguments.aqd, home) as server:

        def connect():
            target = wait_for("the server's endpoint", endpoint).removeprefix("http://")
            # gRPC's C core names a Unix socket by its escaped path, which is no valid authority: servers in Rust refuse it.
            channel = grpc.insecure_channel(target, options=[("grpc.default_authority", "localhost")])
            grpc.channel_ready_future(channel).result(timeout=60)
            key = (home / "admin.key").read_text().strip()
            return channel, (("authorization", f"Bearer {key}"),)

        channel, key = connect()

        def call(method, request):
            return method(request, metadata=key, timeout=30)

        project = call(
            project_service_pb2_grpc.ProjectServiceStub(channel).CreateProject,
            project_service_pb2.CreateProjectRequest(name="python", request_id=str(uuid.uuid4())),
        )
        call(
            workspace_service_pb2_grpc.WorkspaceServiceStub(channel).AddWorkspace,
            workspace_service_pb2.AddWorkspaceRequest(
                project_id=project.id, kind=workspace_pb2.WORKSPACE_KIND_INIT, request_id=str(uuid.uuid4())
            ),
        )
        call(
            agent_service_pb2_grpc.AgentServiceStub(channel).CreateAgent,
            agent_service_pb2.CreateAgentRequest(
                name="python-counter",
                runtime=common_pb2.RUNTIME_COMMAND,
                profile=common_pb2.RuntimeProfile(command=["sh", "-c", PROGRAM]),
                request_id=str(uuid.uuid4()),
            ),
        )
        task = call(
            task_service_pb2_grpc.TaskServiceStub(channel).CreateTask,
            task_service_pb2.CreateTaskRequest(
                project_id=project.id,
                title="count",
                description="print numbered lines",
                runtime=common_pb2.RUNTIME_COMMAND,
                request_id=str(uuid.uuid4()),
            ),
        )

        # Follow the output. The position is (run, number); after any failure the call is repeated behind it.
        lines, run, after, killed, ended = [], 1, 0, False, False
        deadline = time.monotonic() + 180
        while not ended and time.monotonic() < deadline:
            request = run_service_pb2.StreamRunOutputRequest(task_id=task.id, first_run_number=run, after_seq=after, follow=True)
            stream = run_service_pb2_grpc.RunServiceStub(channel).StreamRunOutput(request, metadata=key)
            try:
                for message in stream:
                    kind = message.WhichOneof("event")
                    if kind == "gap":
                        fail(f"items {message.gap.from_seq} to {message.gap.to_seq} are missing: {message.gap.reason}")
                    if kind == "end":
                        ended = True
                        break
                    if kind != "item":
                        continue
                    if (message.run_number, message.item.seq) <= (run, after):
                        fail(f"item {message.item.seq} of run {message.run_number} came twice")
                    run, after = message.run_number, message.item.seq
                    if message.item.WhichOneof("body") == "line" and message.item.line.text.startswith("numbered line "):
                        lines.append(int(message.item.line.text.split()[-1]))
                    if len(lines) == LINES // 4 and not killed:
                        killed = True
                        server.kill()
                        server.start()
            except grpc.RpcError as error:
                if error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.ABORTED, grpc.StatusCode.UNKNOWN):
                    fail(f"the stream ended with {error.code()}: {error.details()}")
            if not ended:
                channel.close()
                channel, key = connect()
        if not killed:
            fail("the task ended before the server was killed")
        if lines != list(range(1, LINES + 1)):
            fail(f"{len(lines)} lines came instead of {LINES}, or in another order: {lines}")

        try:
            call(task_service_pb2_grpc.TaskServiceStub(channel).GetTask, task_service_pb2.GetTaskRequest(task_id="no-such-task"))
            fail("a task that does not exist was found")
        except grpc.RpcError as error:
            details = rpc_status.from_call(error).details
            info = error_details_pb2.ErrorInfo()
            if not any(detail.Unpack(info) for detail in details) or info.domain != "agentqueue.v1" or not info.reason:
                fail("the error carries no ErrorInfo of agentqueue.v1")
            if error.code() != grpc.StatusCode.NOT_FOUND:
                fail(f"the code is {error.code()}, not NOT_FOUND")
        print(f"python client: {LINES} lines across a kill, each once; error detail {info.reason}")


main()
