//! What the program does with memory that it no longer needs.

use crate::kit::{Dir, Said};

#[test]
fn memory_that_is_free_goes_back_to_the_system_soon() {
    let dir = Dir::bare();
    let mut command = dir.command();
    command
        .arg("--version")
        .env("_RJEM_MALLOC_CONF", "stats_print:true");
    let settings = Said::by(&mut command).stderr;
    for setting in [
        "opt.narenas: 1",
        "opt.dirty_decay_ms: 5",
        "opt.muzzy_decay_ms: 0",
        "opt.tcache_max: 262144",
    ] {
        let is_there = settings
            .lines()
            .any(|line| line.trim().starts_with(setting));
        assert!(
            is_there,
            "`{setting}`, as .cargo/config.toml says it, is not among:\n{settings}"
        );
    }
}
