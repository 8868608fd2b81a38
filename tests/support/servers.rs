//! Third-party servers that connectors are tested against, started by the scripts in `tests/servers`.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use gateway_local::binaries::WORKSPACE;
use tempfile::TempDir;

/// A running server; it ends when dropped.
pub struct Server {
    directory: TempDir,
    ports: Vec<u16>,
}

impl Server {
    /// Runs `tests/servers/NAME DIR PORT…`. The script returns once the server responds, and leaves the ids of its
    /// processes in `DIR/*.pid` and `DIR/run/*.pid`. Tests that need a server are ignored where it is not installed.
    ///
    /// # Panics
    ///
    /// With the output of the script, if the server is not installed or does not respond as it should.
    pub fn start(name: &str, ports: usize) -> Self {
        let directory = tempfile::Builder::new().prefix(name).tempdir().expect("a directory");
        let ports: Vec<_> = (0..ports).map(|_| free_port()).collect();
        let script = PathBuf::from(WORKSPACE).join("tests/servers").join(name);
        let output = directory.path().with_extension("log");
        let log = std::fs::File::create(&output).expect("a file");
        // The output goes to a file: a pipe would stay open for as long as the server holds it.
        let status = Command::new(&script)
            .arg(directory.path())
            .args(ports.iter().map(u16::to_string))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file"))
            .stderr(log)
            .status();
        let said = std::fs::read_to_string(&output).unwrap_or_default();
        let _ = std::fs::remove_file(&output);
        let server = Self { directory, ports };
        let status = status.unwrap_or_else(|error| panic!("{}: {error}", script.display()));
        assert!(status.success(), "tests/servers/{name} ended with {status}:\n{said}");
        server
    }

    /// The directory with its files.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Its port on 127.0.0.1 with this number, in the order of the script.
    pub fn port(&self, number: usize) -> u16 {
        self.ports[number]
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let directories = [self.directory.path().to_owned(), self.directory.path().join("run")];
        let files = directories.iter().filter_map(|directory| std::fs::read_dir(directory).ok()).flatten().flatten();
        for file in files.filter(|file| file.path().extension().is_some_and(|extension| extension == "pid")) {
            signal("TERM", &std::fs::read_to_string(file.path()).unwrap_or_default());
        }
    }
}

/// A port that nobody listens on, and that nobody gets by chance until the server does: the system gives those from 32768 on to
/// whoever asks for any, and to each connection that is opened.
fn free_port() -> u16 {
    const FIRST: u32 = 10_000;
    const COUNT: u32 = 20_000;
    // Test programs that run at the same time begin at different places.
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    let begin = std::process::id().wrapping_mul(97);
    let candidates = std::iter::repeat_with(|| {
        let next = begin.wrapping_add(TAKEN.fetch_add(1, Ordering::Relaxed));
        u16::try_from(FIRST + next % COUNT).expect("a port")
    });
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    candidates.take(1_000).find(is_free).expect("a free port")
}

/// Sends a signal to the process of this id, and returns whether that worked. It uses the shell's own `kill`, since the
/// program `kill` is in a package (procps) that a minimal Debian does not have.
pub fn signal(name: &str, pid: &str) -> bool {
    let mut shell = Command::new("sh");
    shell.args(["-c", "kill -s \"$0\" \"$1\"", name, pid.trim()]).stderr(Stdio::null());
    shell.status().is_ok_and(|status| status.success())
}
