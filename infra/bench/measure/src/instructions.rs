//! Instructions of each function, counted by valgrind: they hardly depend on the machine or on what else it does.

use crate::{Failure, events, process, site};
use bytes::Bytes;
use gateway_local::functions::Functions;
use gateway_local::stack::Running;
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Invocations behind the first, of which the mean is told.
const WARM: u32 = 20;

/// Every row by its name: a cold start is from spawn to first response, and the rest is one warm invocation.
pub(crate) async fn count(directory: &Path) -> Result<BTreeMap<String, u64>, Failure> {
    let counter = Counter::new(directory)?;
    let stack = site::start(|name| counter.program(name)).await?;
    let functions = stack.functions();
    let authorizer = events::authorizer(&stack).await?;
    let context = functions.invoke("AuthorizerFunction", authorizer.clone()).await?;
    let proxy = events::proxy(&authorizer, &context)?;
    let mut rows = BTreeMap::new();
    for (id, name, event) in [("AuthorizerFunction", "authorizer", authorizer), ("ProxyFunction", "proxy", proxy)] {
        let cold = counter.repeated(functions, id, &event, 0).await?;
        let warm = counter.repeated(functions, id, &event, WARM).await?;
        rows.insert(format!("{name}, cold start"), cold);
        rows.insert(format!("{name}, one call"), each(cold, warm)?);
    }
    let event = events::client_credentials(&stack)?;
    let cold = counter.repeated(functions, "TokenFunction", &event, 0).await?;
    rows.insert("token, cold start".to_owned(), cold);
    for (id, name, event) in [
        ("AuthorizeFunction", "authorize", events::login_page(&stack)?),
        ("AccountFunction", "account", events::sign_up_page(&stack)?),
        ("OutboxFunction", "outbox", events::nothing_due()?),
        ("RenewalFunction", "renewal", events::renewal()),
    ] {
        rows.insert(format!("{name}, cold start"), counter.repeated(functions, id, &event, 0).await?);
    }
    let (cold, warm) = (counter.refreshes(&stack, 0).await?, counter.refreshes(&stack, WARM).await?);
    rows.insert("token, one refresh".to_owned(), each(cold, warm)?);
    Ok(rows)
}

/// Instructions of one invocation, from those of a process that handled one and of a process that handled [`WARM`] more.
fn each(cold: u64, warm: u64) -> Result<u64, Failure> {
    let more = warm.checked_sub(cold).ok_or("a process that did more counted less: another process was counted")?;
    Ok(more / u64::from(WARM))
}

/// Runs programs under valgrind, which leaves a file for each process.
struct Counter {
    files: tempfile::TempDir,
}

impl Counter {
    fn new(directory: &Path) -> Result<Self, Failure> {
        let files = tempfile::tempdir()?;
        let out = files.path().display();
        for name in site::measured()? {
            let program = std::path::absolute(directory.join(&name))?;
            let script = format!(
                "#!/bin/sh\nexec valgrind --quiet --tool=callgrind --callgrind-out-file='{out}/%p' '{}'\n",
                program.display()
            );
            let path = files.path().join(name);
            std::fs::write(&path, script)?;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700))?;
        }
        Ok(Self { files })
    }

    fn program(&self, name: &str) -> PathBuf {
        self.files.path().join(name)
    }

    /// Instructions of a new process that handles this event and then `more` of the same.
    async fn repeated(&self, functions: &Functions, id: &str, event: &Bytes, more: u32) -> Result<u64, Failure> {
        let (pid, response) = process::new(functions, id, event).await?;
        // Of what is streamed, status and headers come first.
        let mut values = serde_json::Deserializer::from_slice(&response).into_iter::<serde_json::Value>();
        let response = values.next().ok_or("nothing")??;
        // A refusal would be cheap.
        if response.get("statusCode").is_some_and(|status| status != 200) {
            return Err(format!("{id} refuses what is to be counted: {response}").into());
        }
        for _ in 0..more {
            functions.invoke(id, event.clone()).await?;
        }
        self.end(pid).await
    }

    /// Instructions of a new process that refreshes a session once and then `more` times.
    async fn refreshes(&self, stack: &Running, more: u32) -> Result<u64, Failure> {
        let login = events::login(stack).await?;
        let (pid, mut response) =
            process::new(stack.functions(), "TokenFunction", &events::refresh(stack, &login)?).await?;
        for _ in 0..more {
            let event = events::refresh(stack, &events::tokens(&response)?)?;
            response = stack.functions().invoke("TokenFunction", event).await?;
        }
        events::tokens(&response)?;
        self.end(pid).await
    }

    /// Asks a process to end, and reads what valgrind counted.
    async fn end(&self, pid: u32) -> Result<u64, Failure> {
        // The shell's own: there need be no program of this name.
        std::process::Command::new("sh").args(["-c", &format!("kill {pid}")]).status()?;
        let file = self.files.path().join(pid.to_string());
        for _ in 0..600 {
            let text = std::fs::read_to_string(&file).unwrap_or_default();
            if let Some(total) = text.lines().find_map(|line| line.strip_prefix("totals: ")) {
                return Ok(total.trim().parse()?);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err(format!("valgrind left nothing in {}", file.display()).into())
    }
}
