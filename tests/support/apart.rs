//! The library in a process of its own: for what several calls of one process do to each other. The test's program starts itself once
//! more, because its home folder must be in the environment before the first thread.

use std::process::{Command, Stdio};
use std::sync::Arc;

use angelia::app::App;
use angelia::call::runtime::Runtime;
use angelia::config::dirs::Dirs;

use super::home::{Home, finish};

/// Tells the second process that it is one.
const APART: &str = "ANGELIA_TEST_APART";

/// Runs a test: `outside` in the first process, `inside` in the second one. `test` is the test's own path.
pub fn apart(test: &str, outside: impl FnOnce(&dyn Fn(&Home)), inside: impl AsyncFnOnce(Arc<Runtime>)) {
    if std::env::var(APART).is_err() {
        return outside(&|home| again(test, home));
    }
    let app = App::open(Dirs::find(), None).unwrap();
    let runtime = app.runtime(Box::new(|note| panic!("{note}"))).unwrap();
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(inside(runtime));
}

fn again(test: &str, home: &Home) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]).env_clear().env("ANGELIA_HOME", home.root()).env(APART, "1");
    let child = command.current_dir(home.path()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let run = finish(child.unwrap(), None);
    assert!(run.code == 0 && run.stdout.contains("1 passed"), "{test}: {} {}", run.stdout, run.stderr);
}
