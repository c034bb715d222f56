//! Arguments in, exit code out; nothing else.

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that ends the process: threads that wait on stdin or a keychain must not hold it"
)]
fn main() {
    std::process::exit(i32::from(angelia::cli::main(std::env::args_os(), std::process::exit)));
}
