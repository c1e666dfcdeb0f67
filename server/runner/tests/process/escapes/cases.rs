//! What a contained agent tries. Each line of shell works, and says so by its exit code, only when something was reached that is not the agent's.
//!
//! `$H` is the server's home, `$V` a process of the same user beside the run, which was started with a secret in its environment and holds the key of the
//! administrator open as file 3, `$X` the program of attempts in C. The agent stands in its own directory.

/// What is tried, and the line of shell that tries it.
pub(super) type Case = (&'static str, &'static str);

/// The agent's own, reached by shell and by the program: what these cannot do, an attempt that fails would not show.
pub(super) const OWN: &[Case] = &[("a file by shell", "cat escape"), ("a file by the program", "$X open-path escape")];

/// Attempts on files of the server, of other runs and of the user.
pub(super) const READING: &[Case] = &[
    ("the database", "cat $H/db/agent-queue.db"),
    ("the administrator's key", "cat $H/admin.key"),
    ("the list of the home", "ls $H"),
    ("the run's own order", "cat $H/runs/swift-falcon.1/spec.json"),
    ("another run's order", "cat $H/runs/other.1/spec.json"),
    ("another run's output", "cat $H/output/other.1.log"),
    ("another task's checkout", "cat $H/workspaces/demo/other/secret.txt"),
    ("the user's key for other machines", "cat $H/user/.ssh/id_ed25519"),
    ("the user's settings of git", "cat $H/user/.gitconfig"),
    ("another account's login", "cat $H/user/.claude/credentials.json"),
    ("another run's temporary files", "cat $H/agents/other/tmp/secret.txt"),
    ("a symbolic link of the agent's", "ln -s $H/admin.key soft && cat soft"),
    ("a hard link of the agent's", "ln $H/admin.key hard && cat hard"),
    ("the way up and down again", "cat ../../../admin.key"),
    ("the process's root", "cat /proc/self/root$H/admin.key"),
    ("the process's directory", "cat /proc/self/cwd/../../../admin.key"),
    ("another process's root", "cat /proc/$V/root$H/admin.key"),
    ("another process's directory", "cat /proc/$V/cwd/admin.key"),
    ("another process's open file", "cat /proc/$V/fd/3"),
    ("another process's environment", "grep -q SECRET /proc/$V/environ"),
    ("another process's memory by its file", "head -c 1 /proc/$V/mem || dd if=/proc/$V/mem of=/dev/null bs=1 count=1 skip=$((0x$A))"),
    ("another process's map", "grep -q . /proc/$V/maps"),
    ("a session of its own", "setsid -w cat $H/admin.key"),
    ("a process whose parent is gone", "(cat $H/admin.key > stolen &) ; sleep 0.2; test -s stolen"),
    ("a clone by git", "git clone -q $H/workspaces/demo/other taken"),
    ("an archive", "tar cf taken.tar $H/db"),
    ("a program that is there already", "find $H -name admin.key | grep -q ."),
    ("a path opened for nothing", "$X open-path $H/admin.key"),
    ("a handle of the file system", "$X by-handle $H/admin.key"),
    ("another root", "$X chroot $H admin.key"),
    ("a namespace of its own users", "$X user-namespace $H"),
    ("a namespace of its own mounts", "mkdir -p mounted && $X mount-namespace $H"),
    ("another process's namespace", "$X join-namespace $V $H/admin.key"),
    ("a mount over its own place", "$X bind $H"),
    ("a detached tree", "$X open-tree $H"),
    ("a device for the memory", "$X memory-device"),
    ("a device for the disk", "$X disk-device"),
    ("the file of another process by its number", "$X take-file $V 3"),
    ("the user's id once more", "$X regain $H/admin.key"),
];

/// Attempts to change something that is not the agent's.
pub(super) const WRITING: &[Case] = &[
    ("a file in the home", "touch $H/outside"),
    ("a file of the system", "touch /usr/bin/aq-was-here"),
    ("a setting of the system", "touch /etc/aq-was-here"),
    ("a temporary file of everybody", "touch $EVERYBODY/aq-was-here"),
    ("the database", "echo x >> $H/db/agent-queue.db"),
    ("the database, cut", "$X truncate $H/db/agent-queue.db"),
    ("the key, removed", "rm $H/admin.key"),
    ("the database, taken away", "mv $H/db/agent-queue.db mine"),
    ("the key, replaced", "echo x > own && mv -f own $H/admin.key"),
    ("the key, exchanged", "echo x > own && $X exchange $H/admin.key"),
    ("another checkout, by a link", "echo x > own && ln own $H/workspaces/demo/other/evil"),
    ("another checkout, by a symbolic link", "ln -s own $H/workspaces/demo/other/evil"),
    ("a run of its own making", "mkdir $H/runs/evil.1"),
    ("a pipe in the home", "mkfifo $H/pipe"),
    ("a file without a name", "$X temporary $H"),
    ("what the user's shell runs", "echo x >> $H/user/.bashrc"),
    ("what the kernel runs", "$X writable /proc/sys/kernel/core_pattern"),
    ("the control group", "$X writable /sys/fs/cgroup/cgroup.procs"),
    ("the system's files, by a file system over them", "$X tmpfs"),
    ("the process table, gone", "$X unmount"),
    ("another root for everybody", "$X pivot"),
];

/// Attempts on processes and on what listens.
pub(super) const OTHERS: &[Case] = &[
    ("a signal", "kill -0 $V"),
    ("a signal to its shim", "kill -0 $PPID"),
    ("a signal to a thread", "$X signal-thread $V"),
    ("a signal by a file", "$X signal-by-file $V"),
    ("a queued signal", "$X queue-signal $V"),
    ("tracing", "$X trace $V"),
    ("tracing without stopping", "$X seize $V"),
    ("reading memory", "$X read-memory $V $A"),
    ("writing memory", "$X write-memory $V $A"),
    ("a socket without a file", "$X abstract $ABSTRACT"),
    ("a port that is not allowed", "$X tcp $SHUT"),
    ("packets of its own making", "$X raw"),
];

/// What the kernel's means do not cover (sandbox R7): told in the spec, and tried here so that a kernel which begins to cover it is noticed.
pub(super) const OPEN: &[Case] = &[
    ("that a file is there, and how big", "stat $H/admin.key"),
    ("a file's mode and times", "touch -c -d @0 $H/output/other.1.log"),
    ("a socket with a file", "$X socket $H/listener.sock"),
    ("a datagram", "$X udp"),
    ("a limit of another process", "$X limit $V"),
];
